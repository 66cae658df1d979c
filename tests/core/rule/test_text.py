"""Rule text and JSON: what is read, what is written, and what an error says."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.rule.trees import RULES
from limner.core.errors import BadDefinition, BadInput, LimnerError
from limner.core.rule import (
    After,
    Aggregate,
    Ago,
    And,
    Between,
    Compare,
    Did,
    Has,
    In,
    Match,
    Near,
    Not,
    Or,
    Period,
    Sample,
    Sequence,
    Step,
    Top,
    as_json,
    digest,
    from_json,
    parse,
    sentence,
    text,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(RULES)
def test_text_and_json_give_the_rule_back(rule):
    assert parse(text(rule)) == rule
    assert from_json(json.loads(json.dumps(as_json(rule)))) == rule
    assert digest(parse(text(rule))) == digest(rule)
    assert sentence(rule, "zh")
    assert sentence(rule, "en")


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_one_error(written):
    try:
        parse(written)
    except (BadDefinition, BadInput) as error:
        str(error)


@given(st.text('adni()"=<>,.1 且或非`日', max_size=30))
def test_text_of_our_own_letters_is_a_rule_or_one_error(written):
    try:
        rule = parse(written)
    except (BadDefinition, BadInput) as error:
        str(error)
    else:
        assert parse(text(rule)) == rule


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("orders>=3", Compare("orders", ">=", 3)),
        ("orders = 3", Compare("orders", "==", 3)),
        ("a and b or not c", Or((And((Has("a"), Has("b"))), Not(Has("c"))))),
        ("a AND (b OR c)", And((Has("a"), Or((Has("b"), Has("c")))))),
        (
            "近30天收藏次数 >= 2 and 正价占比 < 0.3",
            And((Compare("近30天收藏次数", ">=", 2), Compare("正价占比", "<", 0.3))),
        ),
        ("近30天收藏次数>=2且正价占比<0.3", And((Compare("近30天收藏次数", ">=", 2), Compare("正价占比", "<", 0.3)))),
        (
            "近３０天收藏次数＞＝２　且（城市＝“上海”或城市＝「杭州」）",
            And(
                (Compare("近30天收藏次数", ">=", 2), Or((Compare("城市", "==", "上海"), Compare("城市", "==", "杭州"))))
            ),
        ),
        ("非（会员）", Not(Has("会员"))),
        ("非会员 = 是", Compare("非会员", "==", True)),
        (
            "会员 == 否 或 大码 == 是 且 x",
            Or((Compare("会员", "==", False), And((Compare("大码", "==", True), Has("x"))))),
        ),
        ("城市 in (\"上海\", '杭州')", Compare("城市", "in", ("上海", "杭州"))),
        ("城市 属于 ['上海']", Compare("城市", "in", ("上海",))),
        ("x in ()", Compare("x", "in", ())),
        ('in audience("vip") and not in_audience(沉睡客户)', And((In("vip"), Not(In("沉睡客户"))))),
        ("interest.女装 >= 0.5", Compare("interest.女装", ">=", Decimal("0.5"))),
        ("`收藏 次数.总` ≥ 2", Compare("收藏 次数.总", ">=", 2)),
        ("30天收藏 ≠ -2.50", Compare("30天收藏", "!=", Decimal("-2.5"))),
        ("joined < 2026-01-01", Compare("joined", "<", date(2026, 1, 1))),
        (
            'did("Order Completed", times=2, within="90d", amount >= 100)',
            Did("Order Completed", 2, timedelta(days=90), (Match("amount", ">=", 100),)),
        ),
        (
            "did(下单, within=90天, 渠道 == '天猫', `times` = 3)",
            Did("下单", 1, timedelta(days=90), (Match("渠道", "==", "天猫"), Match("times", "==", 3))),
        ),
        (
            'sequence("Product Viewed", step("Order Completed", amount > 9.5), within="7d")',
            Sequence(
                (Step("Product Viewed"), Step("Order Completed", (Match("amount", ">", Decimal("9.5")),))),
                timedelta(days=7),
            ),
        ),
        ("near(121.47, 31.23, 3000)", Near((Decimal("121.47"), Decimal("31.23")), 3000)),
        ("near(121, -31, 0.5, tag=shop)", Near((121, -31), Decimal("0.5"), "shop")),
        ("age between 28 and 35 and vip", And((And((Compare("age", ">=", 28), Compare("age", "<=", 35))), Has("vip")))),
        ("年龄 介于 28 和 35", And((Compare("年龄", ">=", 28), Compare("年龄", "<=", 35)))),
        ("city not in ('上海')", And((Has("city"), Not(Compare("city", "in", ("上海",)))))),
        ("正价占比 > 30%", Compare("正价占比", ">", Decimal("0.3"))),
        (
            "姓名 包含 '王' or email ends_with \"@qq.com\"",
            Or((Compare("姓名", "contains", "王"), Compare("email", "ends_with", "@qq.com"))),
        ),
        (
            "joined >= ago(30d) and due < ahead('7d')",
            And((Compare("joined", ">=", Ago(timedelta(30))), Compare("due", "<", Ago(timedelta(-7))))),
        ),
        ("born == today()", Compare("born", "==", Ago())),
        ('did_not("Order Completed", within="30d")', Not(Did("Order Completed", within=timedelta(30)))),
        ("没做过(下单, 期间='上个月')", Not(Did("下单", within=Period("month", 1)))),
        (
            'count("Order Completed", since=2026-01-01, until=2026-03-31, amount > 10) < 3',
            Aggregate(
                "count",
                "Order Completed",
                "",
                "<",
                3,
                Between(date(2026, 1, 1), date(2026, 3, 31)),
                (Match("amount", ">", 10),),
            ),
        ),
        (
            'sum("Order Completed", amount, during="last month") >= 1000',
            Aggregate("sum", "Order Completed", "amount", ">=", 1000, Period("month", 1)),
        ),
        (
            "合计(下单, 金额, 之后=step(点击, 渠道 == 'sms')) ≥ 99.5",
            Aggregate("sum", "下单", "金额", ">=", Decimal("99.5"), After(Step("点击", (Match("渠道", "==", "sms"),)))),
        ),
        (
            'last("Order Completed", via) in ("天猫", "门店")',
            Aggregate("last", "Order Completed", "via", "in", ("天猫", "门店")),
        ),
        (
            'avg("Order Completed", amount) between 50 and 80.5',
            And(
                (
                    Aggregate("avg", "Order Completed", "amount", ">=", 50),
                    Aggregate("avg", "Order Completed", "amount", "<=", Decimal("80.5")),
                )
            ),
        ),
        (
            'sequence("A", "B", within="7d", without="C", without=step("D", hour > 3))',
            Sequence((Step("A"), Step("B")), timedelta(7), (Step("C"), Step("D", (Match("hour", ">", 3),)))),
        ),
        (
            "top(net_spend, 10%) and not bottom(orders, 0.25)",
            And((Top("net_spend", Decimal("0.1")), Not(Top("orders", Decimal("0.25"), is_bottom=True)))),
        ),
        ("sample(5%, salt='秋') or 抽样(1)", Or((Sample(Decimal("0.05"), "秋"), Sample(1)))),
        ("reach(sms) and consent('email')", And((Has("reach.sms"), Has("consent.email")))),
        ("has(orders) and `has` = 1", And((Has("orders"), Compare("has", "==", 1)))),
        ("a\n and\n\tb", And((Has("a"), Has("b")))),
    ],
)
def test_reads(written, rule):
    assert parse(written) == rule


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("", ["empty"]),
        ("orders >= 3 adn vip", ["line 1, column 13", "'adn'", "Did you mean 'and'?", "\n            ^"]),
        ("a and\n(b or c", ["line 2, column 8", "<end>", "')'"]),
        ("城市 == 上海", ["column 7", 'Text stands in quotes: "上海"', "\n        ^"]),
        ('did("x", tims=2', ["<end>"]),
        ('dd("x")', ["no function 'dd'", "did"]),
        ('did("x", within="90")', ["column 17", "'90' cannot be read"]),
        ('did("x", times=0)', ["column 1", "times", "not did(...)"]),
        ('did("x", times=1.5)', ["whole number"]),
        ('did("x", times=1, times=2)', ["times is given twice"]),
        ('x == "abc', ["column 6", "never closed"]),
        ("x ? 3", ["'?' has no meaning"]),
        ("3 <= orders", ["a condition"]),
        ("x == 2026-02-30", ["2026-02-30", "does not exist"]),
        ("near(999, 0, 5)", ["longitude", "180"]),
        ("x == ", ["<end>", "a value"]),
        ('did("x", within="3d", during="today")', ["line 1, column 23", "another window"]),
        ('did("x", during="lately")', ["'lately' is no period", "last month"]),
        ('did("x", since=2026-03-01, until=2026-01-01)', ["holds no instant"]),
        ('did("x", since=3)', ["where a date"]),
        ('sum("x") > 3', ["','"]),
        ('sum("x", amount)', ["<end>", "must be compared"]),
        ('count("x", amount) > 1', ["must be compared"]),
        ("top(x, 0)", ["above 0"]),
        ("sample(120%)", ["100%"]),
        ("x contains 3", ["text"]),
        ("x contains ''", ["not empty"]),
        ("x > ago('30')", ["cannot be read"]),
        ("x between 3", ["'and'"]),
        ('sequence("a", "b", without)', ["'='"]),
        ('sequence("a", "b", amount > 3)', ["','"]),
        ("x and", ["<end>", "a condition"]),
        ("in the dark", ["'the'", "audience(…)"]),
        ("x == 1e99", ["28 digits"]),
        ("(" * 60 + "x" + ")" * 60, ["50 levels"]),
        ("not " * 60 + "x", ["50 levels"]),
        ("x in (" + ",".join(["1"] * 10_001) + ")", ["10000"]),
        ("x == 1 or " * 10_001 + "y", ["10000"]),
    ],
)
def test_refuses_with_place_and_next_step(written, parts):
    with pytest.raises(BadDefinition) as caught:
        parse(written)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "plain",
    [
        3,
        {},
        {"und": []},
        {"and": []},
        {"and": 3},
        {"tag": "x", "op": "~", "value": 1},
        {"tag": "x", "value": None},
        {"tag": 3, "value": 1},
        {"did": "x", "within": 3},
        {"did": "x", "times": True},
        {"near": [1], "radius_m": 2},
        {"sequence": "x"},
        {"sequence": ["x"]},
        {"sequence": [{"evnt": "x"}, "y"]},
        {"did": "x", "matching": [{"op": "<"}]},
        {"tag": "x", "op": "==", "value": {"date": "x"}},
        {"tag": "x", "op": "==", "value": [1]},
        {"has": "x", "extra": 1},
        {"tag": "x", "op": "in", "value": 3},
        {"did": "x", "matching": 3},
        {"not": {"and": []}},
        {"tag": "x", "value": float("nan")},
    ],
)
def test_wrong_json_is_one_error(plain):
    with pytest.raises(LimnerError):
        from_json(plain)


def test_a_deep_json_is_refused_before_it_is_walked():
    plain = {"has": "x"}
    for _ in range(900):
        plain = {"not": plain}
    with pytest.raises(BadDefinition, match="50 levels"):
        from_json(plain)
