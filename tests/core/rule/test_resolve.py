"""Names, types and circles."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from limner.core.errors import BadDefinition
from limner.core.rule import (
    And,
    AudienceWord,
    Compare,
    Did,
    EventWord,
    Has,
    In,
    Lexicon,
    Match,
    TagWord,
    parse,
    resolve,
)

WORDS = Lexicon(
    tags=(
        TagWord("orders", "int", ("订单数", "orders_count")),
        TagWord("full_price_share", "float", ("正价占比",)),
        TagWord("city", "text", ("城市",)),
        TagWord("vip", "bool", ("会员",)),
        TagWord("born", "day", ("生日",)),
        TagWord("joined_at", "instant", ("入会时间",)),
        TagWord("one", "int", ("双胞胎",)),
        TagWord("two", "int", ("双胞胎",)),
        TagWord("place.lon", "float"),
        TagWord("place.lat", "float"),
    ),
    events=(EventWord("Order Completed", ("下单", "完成订单")), EventWord("Product Viewed", ("浏览商品",))),
    audiences=(
        AudienceWord("base", parse("订单数 > 0"), ("基础",)),
        AudienceWord("a", parse("in audience(b)")),
        AudienceWord("b", parse("orders > 1 or in audience(c)")),
        AudienceWord("c", parse("not in audience(a)")),
        AudienceWord("self", parse("in audience(self)")),
        AudienceWord("seeds", None),
    ),
    zone=ZoneInfo("Asia/Shanghai"),
)


def read(written, **options):
    return resolve(parse(written), WORDS, text=written, **options)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("订单数 >= 3 and 会员 = 是", And((Compare("orders", ">=", 3), Compare("vip", "==", True)))),
        ("生日 < '2000-01-01'", Compare("born", "<", date(2000, 1, 1))),
        ("did(下单, 金额 >= 9.5)", Did("Order Completed", matching=(Match("amount", ">=", Decimal("9.5")),))),
        ("in audience(基础) and 会员", And((In("base"), Has("vip")))),
        ("入会时间 <= 2026-09-01", Compare("joined_at", "<", datetime(2026, 9, 1, 16, tzinfo=UTC))),
        ("入会时间 > '2026-09-01T08:00'", Compare("joined_at", ">", datetime(2026, 9, 1, 0, tzinfo=UTC))),
        (
            "入会时间 == 2026-09-01",
            And(
                (
                    Compare("joined_at", ">=", datetime(2026, 8, 31, 16, tzinfo=UTC)),
                    Compare("joined_at", "<", datetime(2026, 9, 1, 16, tzinfo=UTC)),
                )
            ),
        ),
        ("in audience(seeds)", In("seeds")),
    ],
)
def test_names_become_ids_and_values_get_their_type(written, rule):
    assert read(written) == rule


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("ordres > 3", ["no tag 'ordres'", "Did you mean 'orders'?", "1:1"]),
        ("会员 and 正价占 < 1", ["no tag '正价占'", "正价占比", "1:8"]),
        ("did('Order Complted')", ["no event 'Order Complted'", "'Order Completed'"]),
        ("did(下单, amnt > 3)", ["no event property 'amnt'", "'amount'"]),
        ("in audience(bse)", ["no audience 'bse'", "'base'"]),
        ("双胞胎 > 1", ["several: one, two"]),
        ("orders > 'x'", ["whole numbers", "without quotes"]),
        ("orders == 是", ["whole numbers"]),
        ("城市 > '上海'", ["text", "Use ==, !=, in or contains"]),
        ("城市 == 3", ["text in quotes"]),
        ("会员 == 3", ["== true or == false"]),
        ("生日 == 'x'", ["2026-01-31"]),
        ("入会时间 == 'x'", ["instant"]),
        ("near(1, 2, 3, tag=home)", ["'home.lon'"]),
        ("avg(下单, amount) > 0.123456789", ["0.123456789", "at most 8 digits"]),
        ("avg(下单, amount) in (1, 0.1234567891)", ["0.1234567891", "1:9"]),
        ("in audience(a)", ["refers to itself: a → b → c → a"]),
        ("in audience(self)", ["self → self"]),
    ],
)
def test_refuses(written, parts):
    with pytest.raises(BadDefinition) as caught:
        read(written)
    for part in parts:
        assert part in str(caught.value)


def test_the_audience_being_defined_may_not_name_itself():
    words = Lexicon(audiences=(AudienceWord("base", In("new")), AudienceWord("new", In("base"))))
    with pytest.raises(BadDefinition, match="new → base → new"):
        resolve(In("base"), words, audience="new")


def test_an_event_that_has_arrived_is_known_by_its_own_name():
    words = Lexicon(events=WORDS.events, seen=lambda: {"Stamp Collected"})
    assert resolve(Did("Stamp Collected"), words) == Did("Stamp Collected")
    with pytest.raises(BadDefinition, match="'Stamp Collected'"):
        resolve(Did("Stamp Colected"), words)


def test_any_event_passes_when_none_is_known():
    assert resolve(Did("Whatever"), Lexicon()) == Did("Whatever")
