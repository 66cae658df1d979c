"""Normal forms: what shops type, and what must never pass."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.kinds import KINDS, identifier_kind
from limner.core.normal import amount, identifier, is_empty, masked, safe_cell, text, yes_no


@pytest.mark.parametrize(
    "raw",
    [
        "13812349876",
        "+8613812349876",
        "008613812349876",
        "8613812349876",
        "+86 138 1234 9876",
        "138-1234-9876",
        "１３８１２３４９８７６",
        "13812349876.0",
        " 13812349876\u3000",
        "\ufeff13812349876",
        "(+86)138 1234 9876",
        "013812349876",
    ],
)
def test_one_phone_has_one_form(raw: str) -> None:
    assert identifier("phone", raw) == ("phone", "+8613812349876", None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("1.38E+10", "phone destroyed by a spreadsheet"),
        ("1.38123e10", "phone destroyed by a spreadsheet"),
        ("13800138000", "placeholder phone"),
        ("11111111111", "placeholder phone"),
        ("13888888888", "placeholder phone"),
        ("00000000000", "placeholder phone"),
        ("1381234987", "not a mobile phone number"),
        ("138123498765", "not a mobile phone number"),
        ("12812349876", "not a mobile phone number"),
        ("010-62345678", "not a mobile phone number"),
        ("l3812349876", "not a mobile phone number"),
        ("+86 21 5555 1234", "not a mobile phone number"),
    ],
)
def test_a_bad_phone_says_why(raw: str, reason: str) -> None:
    assert identifier("phone", raw).reason == reason


def test_a_masked_phone_is_another_kind_that_never_links() -> None:
    for raw in ("138****9876", "138xxxx9876", "138＊＊＊＊9876", "+86138****9876", "138•••9876"):
        assert identifier("phone", raw) == ("masked_phone", "138****9876", None)
    assert identifier_kind("masked_phone").strength == "never"
    assert not identifier_kind("masked_phone").is_person


def test_a_phone_from_abroad_keeps_its_country() -> None:
    assert identifier("phone", "+44 20 7946 0958").value == "+442079460958"


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_phone_forms_are_stable(raw: str) -> None:
    once = identifier("phone", raw)
    if once.value:
        assert identifier("phone", once.value) == once
        wide = "".join(chr(ord(c) + 0xFEE0) for c in raw)
        assert identifier("phone", wide) == once


@given(st.text(max_size=200), st.sampled_from(sorted(KINDS)))
def test_no_text_breaks_an_identifier(raw: str, name: str) -> None:
    found = identifier(name, raw)
    assert found.value is None or found.reason is None
    if found.value is not None:
        assert found.value == identifier(found.kind, found.value).value
        assert "\x00" not in found.value


def test_emails() -> None:
    assert identifier("email", " Li.Ming@QQ.com ").value == "li.ming@qq.com"
    assert identifier("email", "a+b@x.cn").value == "a+b@x.cn"
    assert identifier("email", "王@例子.中国").reason == "not an e-mail address"
    assert identifier("email", "wang@例子.中国").value == "wang@xn--fsqu00a.xn--fiqs8s"
    assert identifier("email", "test@test.com").reason == "placeholder e-mail address"
    for bad in ("a@b", "a.b.cn", "@x.cn", "a@@x.cn", "a..b@x.cn", "a b@x.cn", "аdmin@x.cn", "a@x.cn\nbcc: b@x.cn"):
        assert identifier("email", bad).reason == "not an e-mail address", bad
    assert identifier("email", "l***@qq.com").kind == "masked_email"


def test_other_identifiers() -> None:
    assert identifier("member_no", "007").value == "007"
    assert identifier("customer_no", "17850.0").value == "17850"
    assert identifier("member_no", "6.22E+15").reason == "number destroyed by a spreadsheet"
    assert identifier("device_id", "00000000-0000-0000-0000-000000000000").reason == "placeholder identifier"
    assert identifier("device_id", "ABC-1").value == "abc-1"
    assert identifier("openid", "oABc").value == "oABc"
    assert identifier("member_no", "x" * 129).reason == "longer than 128 characters"
    for nothing in ("", "  ", "NULL", "无", "-", "nan", None):
        assert identifier("member_no", nothing) == ("member_no", None, None)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("¥1,234.50", "1234.5"),
        ("1234.5元", "1234.5"),
        ("（12.00）", "-12"),
        ("(12.00)", "-12"),
        ("-3", "-3"),
        ("3-", "-3"),
        ("１２．５", "12.5"),
        ("￥ 99", "99"),
        ("CNY 7", "7"),
        ("RMB7.10", "7.1"),
        (".5", "0.5"),
        ("1.2万", "12000"),
        ("−8.00", "-8"),
        ("-¥5", "-5"),
        ("¥-5", "-5"),
        ("0.00005", "0.0001"),
        ("1e-05", "0"),
        ("12，345", "12345"),
        ("5.", "5"),
    ],
)
def test_amounts(raw: str, value: str) -> None:
    assert amount(raw) == (Decimal(value), None)


@pytest.mark.parametrize(
    "raw", ["12,34", "1,2345", "abc", "1.2.3", "12 34", "--5", "1/2", "五十", "¥", "+", ".", "1,,000"]
)
def test_what_is_no_amount(raw: str) -> None:
    assert amount(raw).reason == "not an amount"


def test_amount_bounds() -> None:
    assert amount("1.2E+10").reason == "number destroyed by a spreadsheet"
    assert amount("100000000000000").reason == "amount too large"
    assert amount("无") == (None, None)
    assert amount(None) == (None, None)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_an_amount_reads_back(value: Decimal) -> None:
    assert amount(f"¥{value:,}").value == value
    assert amount(str(value) + "元").value == value


@given(st.text(max_size=40))
def test_no_text_breaks_an_amount_or_a_mask(raw: str) -> None:
    found = amount(raw)
    assert found.value is None or found.reason is None
    assert len(masked(raw)) <= 60
    assert text(text(raw)) == text(raw)


def test_masks_hide_addresses() -> None:
    assert "12349876" not in masked("电话13812349876或 138 1234 9876")
    assert "1234 9876" not in masked("138 1234 9876")
    assert masked("liming@qq.com,wang@x.cn") == "li***@qq.com,wa***@x.cn"
    assert masked("2099-09-01") == "2099-09-01"
    assert masked("138-1234-9876") == "138****76"
    assert masked("6222020200112233445").startswith("622****")


def test_yes_no() -> None:
    assert [yes_no(w) for w in ("是", "Y", "1", "否", "拒绝", "0", "", None, "maybe")] == [
        True,
        True,
        True,
        False,
        False,
        False,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    "bad", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "＝1+1", "\r\n=1", "|x", "%x"]
)
def test_formulas_are_disarmed(bad: str) -> None:
    assert safe_cell(bad) == "'" + bad


def test_plain_cells_stay() -> None:
    for plain in ("红色", "-12.50", "+3", "a=b", 5, -5.2, None, ""):
        assert safe_cell(plain) == plain


def test_words_for_nothing() -> None:
    assert is_empty("N/A")
    assert not is_empty("0")
