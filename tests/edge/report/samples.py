"""Reports made by hand: a measured shop, one with a single campaign, an A/A check, and one with no campaign."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from limner.app.reporting.contents import (
    Answer,
    Apart,
    Base,
    Card,
    Channelled,
    Compliance,
    Flow,
    Foresight,
    Guard,
    Intake,
    Interval,
    Month,
    Reconciled,
    Report,
    Result,
    RfmClass,
    Spread,
)

ASOF = datetime(2026, 9, 15, 16, tzinfo=UTC)
EVIL = "<script>alert('名')</script>"

FORESIGHT = Foresight(
    "clv", "一年价值", "Value in a year", 365, 80_112, 61_240.5, 60_100.0, 62_380.0, 52_310.4, 18_400_000.0,
    weeks=tuple((week, 900.0 * week, 880 * week + 12) for week in range(1, 14)), worst_error=0.021,
    parameters=(("r", 0.243, 0.221, 0.267), ("alpha", 4.414, 3.98, 4.89), ("a", 0.793, None, None)),
)  # fmt: skip


def guards(opted: float, back: float) -> tuple[Guard, ...]:
    return (
        Guard("opt_out", opted, 0.0004, Interval(opted - 0.0004, opted - 0.002, opted + 0.001), 0.01),
        Guard("complaint", 0.0002, 0.0, Interval(0.0002, -0.0001, 0.0005), 0.002),
        Guard("return", back, 0.09, Interval(back - 0.09, -0.02, 0.03), 0.05),
    )


def result(
    name: str,
    rates: tuple[float, float],
    lift: tuple[float, float, float],
    money: tuple[float, float, float],
    arms: tuple[int, int],
    verdict: str,
    step: str,
    offer: str,
    truth: tuple[float, float],
) -> Result:
    return Result(
        campaign=name,
        name=name,
        experiment=f"{name}:{offer}",
        offers=(offer,),
        plans=(1,),
        began_at=datetime(2026, 8, 31, 16, tzinfo=UTC),
        until_at=ASOF,
        is_complete=True,
        is_contacted=True,
        is_stopped=False,
        treated=arms[0],
        control=arms[1],
        rate=rates[0],
        control_rate=rates[1],
        lift=Interval(*lift),
        money=Interval(*money),
        verdict=verdict,
        step=step,
        guards=guards(0.0031, 0.097),
        ratio_p=0.62,
        truth_lift=truth[0],
        truth_money=truth[1],
    )


RESULTS = (
    result(
        "种草未拔",
        (0.0862, 0.0603),
        (0.0259, 0.0171, 0.0347),
        (28_412, 11_206, 45_618),
        (12_431, 5_302),
        "works",
        "keep",
        "40 元心愿券",
        (0.0264, 26_100),
    ),
    result(
        "老客上新礼",
        (0.1421, 0.1404),
        (0.0017, -0.0121, 0.0155),
        (-31_876, -52_310, -11_442),
        (14_870, 2_611),
        "loses_money",
        "cheaper_or_narrower",
        "上新 50 元礼",
        (0.0020, -29_540),
    ),
    result(
        "沉睡唤醒",
        (0.0265, 0.0201),
        (0.0064, 0.0036, 0.0092),
        (19_230, 8_021, 30_439),
        (20_119, 20_044),
        "works",
        "keep",
        "好久不见",
        (0.0065, 18_730),
    ),
)

FLOWS = (
    Flow(
        "种草未拔",
        24_861,
        {"consent": 5_911, "address": 604, "gaps": 212},
        {"campaign": 5_302, "universal": 355},
        {"changed_since_plan:consent": 46},
        {},
        12_431,
        11_934,
        1_410,
        1_072,
    ),
    Flow(
        "老客上新礼",
        21_940,
        {"consent": 3_530, "caps": 512},
        {"campaign": 2_611, "universal": 362},
        {"changed_since_plan:gaps": 31},
        {"failed": 24},
        14_870,
        14_409,
        2_207,
        2_113,
    ),
    Flow(
        "沉睡唤醒",
        51_203,
        {"consent": 9_940, "address": 122},
        {"campaign": 20_044, "universal": 978},
        {},
        {},
        20_119,
        18_880,
        705,
        533,
    ),
)


def months() -> tuple[Month, ...]:
    made = []
    for place in range(24):
        year, month = 2024 + (8 + place) // 12, (8 + place) % 12 + 1
        for source, base in (("tmall-orders", 4_100), ("pos", 2_600)):
            orders = base + (place * 137) % 900 + (1_900 if month in (6, 11) else 0)
            paid = Decimal(orders) * Decimal("286.40")
            made.append(Month(f"{year}-{month:02}", source, orders, orders // 11, paid, paid * Decimal("0.083")))
    return tuple(made)


SPREADS = (
    Spread(
        "lifecycle_stage",
        "生命周期阶段",
        "Lifecycle stage",
        "",
        121_400,
        200_312,
        (("new", 8_120), ("active", 41_377), ("sleeping", 38_211), ("lost", 33_692)),
        is_ordered=True,
    ),
    Spread("gender", "gender", "gender", "", 188_400, 200_312, (("female", 171_444), ("male", 16_956))),
    Spread(
        "city",
        "city",
        "city",
        "",
        200_000,
        200_312,
        (("上海", 30_120), ("杭州", 26_002), ("北京", 22_310), ("成都", 20_101), ("深圳", 18_400), (EVIL, 12_011)),
    ),
    Spread(
        "recency_days",
        "距上次购买天数",
        "Days since last order",
        "天",
        121_400,
        200_312,
        (("≤ 34", 24_310), ("(34, 88]", 24_289), ("(88, 190]", 24_280), ("(190, 371]", 24_240), ("> 371", 24_281)),
        is_ordered=True,
    ),
    Spread(
        "buying_via", "常用购买渠道", "Usual buying channel", "", 121_400, 200_312, (("tmall", 70_104), ("pos", 51_296))
    ),
    Spread(
        "top_category",
        "最常购买品类",
        "Category bought most",
        "",
        121_400,
        200_312,
        (("连衣裙", 38_110), ("衬衫", 25_812), ("针织", 21_930), ("外套", 18_004), ("半裙", 11_220)),
    ),
)

RFM = tuple(
    RfmClass(name, count, Decimal(money))
    for name, count, money in (
        ("重要价值", 21_340, 41_204_331),
        ("重要发展", 8_120, 7_910_220),
        ("重要保持", 12_004, 14_660_120),
        ("重要挽留", 9_331, 7_201_884),
        ("一般价值", 6_702, 2_104_770),
        ("一般发展", 24_490, 5_300_871),
        ("一般保持", 3_011, 901_230),
        ("一般挽留", 36_402, 6_640_032),
    )
)

APART = Apart(
    "wavering",
    "种草未拔",
    "近30天收藏次数 >= 2 and orders_30d == 0 and discount_share >= 0.5",
    24_861,
    200_312,
    (
        Answer("favourites_90d", "近90天收藏次数", "Favourites in 90 days", "> 6", 0.71, 0.19, 374, 369, 379),
        Answer("discount_sensitivity", "折扣敏感", "Discount sensitivity", "(0.6, 1]", 0.55, 0.22, 250, 246, 254),
        Answer("lifecycle_stage", "生命周期阶段", "Lifecycle stage", "lost", 0.08, 0.28, 29, 27, 31),
    ),
)

CARD = Card(
    "purchase_30d",
    "30 天内购买概率",
    "Chance to buy in 30 days",
    "Order Completed",
    30,
    200_312,
    0.081,
    0.811,
    0.794,
    0.0042,
    tuple((p, p * 1.03, 20_031) for p in (0.004, 0.011, 0.02, 0.033, 0.05, 0.072, 0.1, 0.14, 0.2, 0.31)),
    (4.1, 2.2, 1.3, 0.9, 0.6, 0.4, 0.25, 0.15, 0.07, 0.03),
    (
        ("recency_days", "距上次购买天数", "Days since last order", 0.31),
        ("orders_365d", "近一年订单数", "Orders in a year", 0.22),
        ("favourites_30d", "", "", 0.12),
    ),
    ("2026-05-01", "2026-06-01"),
    "2026-08-01",
)

CHANNELS = (
    Channelled("sms", "短信", 31_204, 31_180, 29_633, 0, 2_010, 1_804, Decimal("44120.50")),
    Channelled("wecom", "企业微信", 12_010, 12_010, 11_890, 7_204, 1_912, 1_610, Decimal("31210.20")),
    Channelled("mini", "小程序订阅消息", 4_230, 4_230, 3_700, 1_902, 400, 304, Decimal("9120.00")),
)


def empty(lang: str = "zh") -> Report:
    return Report(
        workspace="我的店",
        currency="CNY",
        zone="Asia/Shanghai",
        lang=lang,
        asof=ASOF,
        made_at=ASOF + timedelta(minutes=3),
        intake=Intake(
            1_204,
            1_100,
            34,
            0,
            {"no identifier": 60, "duplicate order": 10},
            2,
            ASOF - timedelta(hours=5),
            held=(("会员-0901.csv", 40), ("会员-0902.csv", 41), ("会员-0903.csv", 42), ("会员-0904.csv", 43)),
        ),
        reconciled=Reconciled(months()[:6], Decimal("5000000"), Decimal("0")),
        base=Base(980, 946, SPREADS[:3], ()),
    )


def measured(lang: str = "zh") -> Report:
    net = sum((m.net for m in months()), Decimal(0))
    return replace(
        empty(lang),
        workspace="南枝",
        intake=Intake(4_120_233, 4_020_110, 0, 8_004, {"duplicate order": 91_002, "no identifier": 1_117}, 61, ASOF),
        reconciled=Reconciled(months(), net - 1_000, Decimal(1_000)),
        base=Base(200_312, 191_204, SPREADS, RFM),
        results=RESULTS,
        flows=FLOWS,
        compliance=Compliance(47_420, 0, 0, 0),
        apart=(APART,),
        cards=(CARD,),
        foresights=(FORESIGHT,),
        channels=CHANNELS,
    )


def two_waves(lang: str = "zh") -> Report:
    later = datetime(2026, 9, 15, 16, tzinfo=UTC)
    again = replace(
        RESULTS[0],
        offers=("20 元心愿券",),
        began_at=later,
        rate=0.0791,
        lift=Interval(0.0188, 0.0101, 0.0275),
        money=Interval(33_900, 18_200, 49_600),
        truth_lift=0.0195,
        truth_money=33_200,
    )
    stopped = replace(RESULTS[1], is_stopped=True)
    return replace(
        measured(lang), results=(RESULTS[0], stopped, RESULTS[2], again, replace(RESULTS[2], began_at=later))
    )


def single(lang: str = "zh") -> Report:
    whole = measured(lang)
    one = replace(
        RESULTS[0],
        name=EVIL,
        lift=Interval(0.004, -0.006, 0.014),
        money=Interval(900, -4_100, 5_900),
        verdict="cannot_tell",
        step="more_customers",
        more=21_400,
        truth_lift=None,
        truth_money=None,
    )
    return replace(whole, results=(one,), flows=(replace(FLOWS[0], name=EVIL),), apart=())


def check(lang: str = "en") -> Report:
    one = replace(
        RESULTS[0],
        name="Regulars",
        is_contacted=False,
        lift=Interval(0.002, -0.02, 0.024),
        money=None,
        guards=(),
        truth_lift=None,
        truth_money=None,
        offers=("A letter",),
    )
    flow = Flow("Regulars", 1_900, {"value": 12}, {"campaign": 188, "universal": 30}, {}, {"not_launched": 1_670})
    return replace(
        measured(lang),
        workspace="Online Retail",
        currency="GBP",
        results=(one,),
        flows=(flow,),
        apart=(),
        cards=(),
        channels=(),
        compliance=None,
    )
