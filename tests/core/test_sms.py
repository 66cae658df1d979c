"""Segments, signature and opt-out words of an SMS."""

from __future__ import annotations

import pytest

from limner.core.errors import BadDefinition
from limner.core.sms import bracketed, check_sms, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),
        ("€" * 153, 3),  # 153 is odd: a pair is not cut in two, so a part holds 76 of them
        ("字" * 70, 1),
        ("字" * 71, 2),
        ("字" * 134, 2),
        ("字" * 135, 3),
        ("a" * 69 + "字", 1),
        ("a" * 70 + "字", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_segments_are_counted_as_the_operators_count_them(text: str, expected: int) -> None:
    assert segments(text) == expected


def _check(text: str, **changes: str) -> None:
    rules = {"signature": "南枝", "opt_out": "", "port_type": "", "message_class": "marketing"}
    check_sms(text, place="offers/a.yaml", **{**rules, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "【南枝】新款到店，拒收请回复R",
        "新款到店，回T退订【南枝】",
        "【南枝】新款到店 退订回TD",
        "【南枝】新款到店 回复T退订",
        "【南枝】sale on, reply STOP to opt out",
    ],
)
def test_a_signed_message_with_opt_out_words_is_taken(text: str) -> None:
    _check(text)


@pytest.mark.parametrize(
    ("text", "changes", "code"),
    [
        ("新款到店，拒收请回复R", {}, "sms_without_signature"),
        ("新款【南枝】到店，拒收请回复R", {}, "sms_without_signature"),
        ("【别家】新款到店，拒收请回复R", {}, "sms_without_signature"),
        ("【南枝】【别家】新款到店，拒收请回复R", {}, "sms_two_signatures"),
        ("【南枝】新款到店", {}, "sms_without_opt_out"),
        ("【南枝】退订服务说明", {}, "sms_without_opt_out"),
        ("【南枝】新款到店，回T退订", {"opt_out": "拒收请回复R"}, "sms_without_opt_out"),
        ("【南枝】新款到店，回T退订", {"port_type": "service"}, "sms_port_type"),
        ("【南枝】新款到店，回T退订", {"port_type": "marketin"}, "sms_port_type"),
        ("【南枝】" + "字" * 700 + "回T退订", {}, "sms_too_long"),
    ],
)
def test_a_message_an_operator_would_refuse_is_refused_before(text: str, changes: dict[str, str], code: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        _check(text, **changes)
    assert caught.value.code == code
    assert "offers/a.yaml" in str(caught.value)


def test_a_service_message_needs_no_opt_out_words() -> None:
    _check("【南枝】您的订单已发货", message_class="service", port_type="service")


def test_a_signature_is_bracketed_once() -> None:
    assert bracketed("") == ""
    assert bracketed(" 【南枝】 ") == "【南枝】"
