"""Results on a terminal: aligned in both languages, by type, and never a way to move the cursor."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.cells import cell_len

from edge.report import samples
from limner.app.applying import Changes
from limner.app.asking import Counted, Listed, TagShown
from limner.app.carrying import Carried
from limner.app.checking import Checked
from limner.app.launching import Launched
from limner.app.members import Member
from limner.app.planning import Alternative, Explained, Planned
from limner.app.quality import Quality
from limner.app.questions import Cancelled
from limner.app.reporting.contents import Intake, Reconciled
from limner.app.running import Ran
from limner.app.saved import Changed, Frozen, SavedAudience
from limner.app.tags.acts import TagAct
from limner.core.ours import Profile
from limner.edge.say import words_of
from limner.edge.show import shown
from limner.edge.show.lines import table
from limner.edge.show.registry import registered
from limner.flow.audiences import Overlap
from limner.flow.audiences.estimate import Estimate as Sized
from limner.flow.audiences.layers import Branch, Layer, Layers
from limner.flow.audiences.nodes import Funnel, Node, Nodes
from limner.flow.audiences.nodes import Step as Condition
from limner.flow.audiences.portrait import Portrait, Trait
from limner.flow.audiences.venn import Region, Venn
from limner.flow.audiences.worth import Addition, Worth
from limner.flow.measures.measured import ArmFound, Lift, Measured, Ratio
from limner.flow.sources import Collected, Dropped, Load, Released, Withdrawn
from limner.flow.sources.base import Finding, checks
from limner.flow.sources.collect import FileResult
from limner.flow.sources.loads import Counts
from limner.flow.sources.quality.alerts import Alert
from limner.flow.sources.quality.results import CheckResult
from limner.flow.sources.quality.scoring import Dimension, SourceQuality, TraitQuality
from limner.flow.sources.quality.suggested import Suggested, Suggestion
from limner.maths.lift import Estimate
from limner.maths.verdict import Step, Verdict

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
COUNTS = Counts(1_200, 1_100, 20, 10, {"no identifier": 60, "duplicate order": 10}, {"placeholder phone": 4})
LIFT = Estimate(0.026, 0.015, 0.037, 0.001, 0.086, 0.06)
MONEY = Estimate(28_412.0, 11_206.0, 45_618.0, 0.001, 0.0, 0.0)

BROKEN = CheckResult(4, "pos", "range", "declared", "hard", "实付", "5%", "≥ 0 ≤ 1%", "failed", NOW, 60, 1_200)


def planned() -> Planned:
    return Planned(
        plan_id=7,
        campaign="wavering",
        name="种草未拔",
        audience=24_861,
        granted=12_431,
        held_out=5_657,
        held_out_by={"campaign": 5_302, "universal": 355},
        refused={"consent": 5_911, "gaps": 862},
        cost=Decimal("621.55"),
        by_channel={"sms": 12_001, "mini": 430},
        first_moment=NOW,
        last_moment=NOW,
        asof=NOW,
        base_rate=0.06,
        detectable=0.0112,
        goal_effect=0.01,
        warning="underpowered",
    )


def measured() -> Measured:
    arms = tuple(
        ArmFound(name, count, yes, yes, *(Decimal(n) for n in (900, 10, 400, 40, 6, 300)))
        for name, count, yes in (("granted", 12_431, 1_072), ("held_out", 5_302, 320))
    )
    lifts = (Lift("conversion", "share", LIFT), Lift("money", "money", MONEY), Lift("opt_out", "share", LIFT, 0.01))
    return Measured(
        "wavering",
        "种草未拔",
        "wavering:coupon-40",
        NOW,
        arms,
        lifts,
        "conversion",
        MONEY,
        MONEY,
        Ratio(0.3, 0.4, 1e-9),
        Verdict.WORKS,
        Step.KEEP,
        None,
        open_decisions=3,
        open_until=NOW,
    )


RESULTS: tuple[object, ...] = (
    planned(),
    measured(),
    Changes(added=("tags/新标签",), changed=("audiences/vip",), unchanged=9),
    Changes(unchanged=9),
    Collected((FileResult(1, "pos", "门店.xlsx", COUNTS), FileResult(2, "pos", "b.xlsx", COUNTS, is_unchanged=True))),
    (Load(1, "pos", "门店.xlsx", "done", COUNTS, 3, NOW), Load(2, "pos", "b.xlsx", "withdrawn", COUNTS, 3, NOW, 1)),
    Withdrawn(3, 100, 2, "done"),
    Withdrawn(3, 0, 0, "withdrawn"),
    Collected((FileResult(4, "pos", "c.xlsx", COUNTS, is_held=True),), (BROKEN,)),
    Released(4, "pos", "c.xlsx", 1_200, 3, 1),
    Dropped(4, "pos", "c.xlsx", 1_200, 2),
    (
        Alert(1, "held", "hard", "pos", "c.xlsx", 4, "", "", 2, NOW, NOW, None),
        Alert(2, "range", "soft", "pos", "实付", 4, "5%", "≤ 1%", 1, NOW, NOW, NOW),
    ),
    Quality(
        NOW,
        (
            SourceQuality("pos", 9, 1, 9_000, 9, NOW, True, {"validity": Dimension(90, 100)}, 90.0, (BROKEN,)),
            SourceQuality("new", 0, 0, 0, None, None, None),
        ),
        (TraitQuality("城市", 80, {"completeness": Dimension(80, 100)}, 80.0),),
    ),
    Ran(NOW, "p-1", 100, 90, 10, 40, {"vip": 12}, {"purchase_30d": "learned"}, ("resolve", "tag", "publish")),
    Launched(7, 10, 4, {"consent": 1}, 8, 2, {"expired": 1}, {"failed": 1}, 1, Decimal("0.5"), NOW),
    Explained(
        7, "cabc", "refused", "caps", "c40", "sms", None, Decimal(3), (Alternative("c40", "sms", NOW, "", Decimal(1)),)
    ),
    Counted("orders > 3", NOW, 12, 10, 2, {"sms": 9}, 1.25),
    Listed(NOW, 2, ("customer_id", "rfm"), ({"customer_id": "c1", "rfm": "重要价值"}, {"customer_id": "c2"})),
    Overlap(NOW, ("客群甲", "b"), ((10, 4), (4, 8))),
    Nodes("a and b", NOW, 10, Node("0", "and", "", 2, (Node("0.0", "leaf", "a", 4), Node("0.1", "leaf", "b", 3)))),
    Funnel("a and b", NOW, 10, (Condition("a", 4, 4, 6, 3), Condition("b", 3, 2, 2, 4))),
    Funnel("a", NOW, 0, (Condition("a", 0, 0, 0, 0),)),
    Sized("a", NOW, 40, 30, 50, 100, 1_000, is_exact=False),
    Sized("a", NOW, 40, 40, 40, 100, 100, is_exact=True),
    Cancelled("q1"),
    [
        SavedAudience("vip", "贵宾", "rule", True, 10, NOW, NOW, NOW, 2, 1, ("a",), ("facts", "old")),
        SavedAudience("b", "", "everyone", False, None, None, None, None, None, None, (), ("never", "definition")),
    ],
    Changed("vip", NOW, NOW, 10, 11, 2, 0, 1, ["c1"], ["c2"]),
    Frozen("vip", NOW, 10),
    TagAct("big", "大单", "draft", "published", "0123456789ab", NOW, "wang", "看过了"),
    TagAct("big", "", "published", "retired", "0123456789ab", NOW, "wang"),
    Venn(NOW, ("a", "b"), (Region((), 4), Region(("a",), None), Region(("b",), 3), Region(("a", "b"), 2))),
    Layers(NOW, 10, (Layer("strategic", 2, 6, 20, 8, 1),), (Branch("a", "甲", "strategic", 0, 5, 0, 3, 1, 2),)),
    Layers(NOW, 0, (), ()),
    Worth(NOW, 10, ("x",), Decimal(5), Decimal(7), "", (Addition("a", 3, "x", Decimal(9), Decimal(2), Decimal(-3)),)),
    Carried("/x/a.csv", "csv", NOW, 10, 10),
    Carried("/x/a.txt", "tencent", NOW, 5, 10, 3, 2, is_suppression=True),
    Portrait(
        "vip",
        "everybody",
        NOW,
        10,
        100,
        (Trait("rfm", "重要价值", 9, 0.9, 30, 0.3, 300, 200, float("inf"), True, True),),
    ),
    TagShown(
        "orders",
        "订单数",
        "完成的订单数。",
        "statistic",
        "交易/频次",
        "orders",
        ("is_order",),
        ("Order Completed",),
        (),
        "v1",
        90,
        100,
        {"0": 40, "(1, 3]": 50},
    ),
    TagShown(
        "spend",
        "品类消费",
        "",
        "family",
        "交易/品类",
        "lines",
        ("amount",),
        (),
        (),
        "v1",
        0,
        100,
        {},
        members=(Member("spend.90d.女装", "近90天女装消费", "女装 spend, last 90 days", 12),),
    ),
    Profile("c1", 1, NOW, True, {"gender": "female"}, {"orders": 3, "net_spend": Decimal("12.5")}, {"sms": True}),
    samples.measured(),
)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_every_result_is_shown_in_words(result: object, lang: str) -> None:
    text = shown(result, lang)
    keys = {key for key in words_of(lang)["show"] if "_" in key}
    assert not keys & set(text.split())
    assert "{" not in text
    assert "\u2060" not in text
    assert "(…" not in text
    assert type(result).__name__ not in text.split("(")[0]


def test_suggested_checks_are_lines_of_yaml() -> None:
    found = Suggested("pos", 9, 9_000, (Suggestion({"check": "volume", "learnt": True}, "9 loads"),))
    assert "  - {check: volume, learnt: true}  # 9 loads" in shown(found, "zh")
    assert "根据 pos 至今的数据" in shown(found, "zh")


def test_every_name_in_the_registry_is_a_type() -> None:
    for name in registered():
        module, _, kind = name.partition(":")
        assert isinstance(getattr(importlib.import_module(module), kind), type), name


def test_a_plan_says_who_what_when_where_and_what_it_cannot_show() -> None:
    text = " ".join(shown(planned(), "zh").split())
    assert "对照 5,657（活动对照组 5,302、全局对照组 355）" in text
    assert "拒绝 6,773（未获同意 5,911、距上次触达太近 862）" in text
    assert "1.12 个百分点（目标 +1.00）" in text
    assert "结果多半是「看不出」" in text
    assert "limner launch 7" in text
    assert "2026-09-01 20:00" in text


def test_the_currency_and_zone_are_the_workspaces() -> None:
    text = shown(planned(), "en", currency="GBP", zone="Europe/London")
    assert "£621.55" in text
    assert "2026-09-01 13:00" in text


def test_columns_meet_though_chinese_is_wide() -> None:
    lines = table(["名称", "数"], [["客群甲", 1], ["b", 22]]).splitlines()
    assert len({cell_len(line) for line in lines}) == 1


def test_a_name_cannot_move_the_cursor() -> None:
    assert "\x1b" not in shown(Changes(added=("tags/\x1b[2Jx",)), "en")
    assert "\x1b" not in table(["a"], [["\x1b[31m"]])


@dataclass(frozen=True)
class Plain:
    def __str__(self) -> str:
        return "as it says of itself"


def test_what_nobody_shows_speaks_for_itself() -> None:
    assert shown(Plain(), "zh") == "as it says of itself"
    assert shown((), "zh") == "没有内容。"
    assert shown(("a", "b"), "en") == "a\nb"
    assert shown("text", "en") == "text"


def test_every_finding_is_said_in_chinese():
    said = words_of("zh")["findings"]
    for name, _ in checks:
        assert [key for key in said if key == name or key.startswith(f"{name}_")], name
    for name in said:
        more = {"reason": "no identifier", "refunded": Decimal(9), "paid": Decimal(8), "load": 4, "fastest": 900}
        more |= {"first": "O-7", "path": "table/part-0.parquet", "other": "loyal"}
        found = Finding(name, "warning", "till", 1_200, 3_400, "never shown", more)
        text = shown(Checked(NOW, 9, [], Intake(), [found], Reconciled()), "zh")
        assert "{" not in text
        assert "never shown" not in text
        assert "no identifier" not in text
