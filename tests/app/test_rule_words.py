"""The whole Rule language asked of a shop: rules, tags and audiences, live and as SQL."""

from datetime import UTC, datetime

import pytest

from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from small_shop import built_shop

JOINED = """
files: [data/joined.csv]
identifiers: {member_no: 会员号}
traits: {joined: {column: 入会, type: date}}
traits_at: {constant: "2026-08-01"}
"""
EVENT = '"Order Completed"'


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = built_shop(tmp_path_factory.mktemp("rules") / "shop")
    (home / "tags").mkdir(exist_ok=True)
    (home / "tags/best.yaml").write_text("kind: rule\ntype: bool\nrule: top(net_spend, 25%)\n", encoding="utf-8")
    (home / "audiences/best.yaml").write_text("rule: top(net_spend, 25%)\n", encoding="utf-8")
    (home / "audiences/panel.yaml").write_text('rule: sample(25%, salt="spring")\n', encoding="utf-8")
    (home / "sources/joined.yaml").write_text(JOINED, encoding="utf-8")
    days = "".join(f"M{n},2026-08-{n + 1:02}\n" for n in range(31)) + "M31,2026-09-20\n"
    (home / "data/joined.csv").write_text(f"会员号,入会\n{days}", encoding="utf-8")
    with Workspace(home, clock=lambda: datetime(2026, 9, 1, 2, tzinfo=UTC)) as found:
        found.apply()
        found.collect()
        found.run("2026-09-01")
        yield found


def many(shop, rule):
    return shop.audience(rule).count().count


def bought(shop):
    """Orders and what was paid by member, read off the file."""
    import csv
    from collections import defaultdict
    from decimal import Decimal

    paid = defaultdict(list)
    with (shop.folder / "data/orders.csv").open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            paid[row["会员号"]].append((row["时间"], Decimal(row["实付"])))
    return paid


def test_what_was_bought_is_as_in_the_file(shop):
    paid = bought(shop)
    sums = {member: sum(amount for _, amount in rows) for member, rows in paid.items()}
    assert many(shop, f"count({EVENT}) >= 2") == sum(len(rows) >= 2 for rows in paid.values())
    assert many(shop, f"count({EVENT}) == 0") == 40 - len(paid)
    assert many(shop, f"sum({EVENT}, 金额) > 300") == sum(total > 300 for total in sums.values())
    assert many(shop, f"sum({EVENT}, amount) < 300") == 40 - sum(total >= 300 for total in sums.values())
    assert many(shop, f"avg({EVENT}, amount) >= 100") == sum(sums[m] >= 100 * len(paid[m]) for m in paid)
    assert many(shop, f"max({EVENT}, amount) between 100 and 130") == sum(
        100 <= max(amount for _, amount in rows) <= 130 for rows in paid.values()
    )
    in_july = sum(any(at.startswith("2026-07") for at, _ in rows) for rows in paid.values())
    for window in ('during="2 months ago"', "since=2026-07-01, until=2026-07-31"):
        assert many(shop, f"did({EVENT}, {window})") == in_july


def test_the_top_is_the_same_as_tag_as_audience_and_by_hand(shop):
    best = many(shop, "top(net_spend, 25%)")
    assert 10 <= best < 40
    assert many(shop, "best") == many(shop, "in audience(best) and best") == best
    assert many(shop, "bottom(net_spend, 100%)") == 40


def test_a_sample_lasts_and_another_salt_draws_others(shop):
    assert many(shop, 'sample(25%, salt="spring")') == many(shop, "in audience(panel)") > 0
    assert many(shop, "sample(100%)") == 40
    assert many(shop, 'sample(50%, salt="a") and sample(50%, salt="b")') < many(shop, 'sample(50%, salt="a")')


def test_consent_and_reach_are_told_apart(shop):
    assert many(shop, "consent(mail)") == many(shop, "consent('mail')") >= many(shop, "reach(mail)") > 0
    with pytest.raises(BadDefinition, match="no tag 'reach.sms'"):
        many(shop, "reach(sms)")


def test_days_are_told_from_the_asof(shop):
    assert many(shop, "has(joined)") == 32
    assert many(shop, "joined >= ago(7d)") == 7 + 1  # from 25 August on, and who joins on 20 September
    assert many(shop, "joined == ago(1d)") == 1
    assert many(shop, "joined >= today() and joined < ahead(30d)") == 1
    assert many(shop, "joined <= ago(20d)") == 12


def test_the_same_rule_as_sql(shop):
    written = shop.audience(f"sum({EVENT}, amount, during='last month') > 100 and top(net_spend, 10%)").count(
        sql="clickhouse"
    )
    assert "RANK()" in str(written)


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        (f"sum({EVENT}, category) > 3", "cannot be added up"),
        (f"max({EVENT}, category) > 3", "has no order"),
        (f"last({EVENT}, category) > 3", "holds text"),
        (f"sum({EVENT}, amuont) > 3", "Did you mean 'amount'"),
        ("top(city, 10%)", "have no top"),
        ("top(net_spent, 10%)", "Did you mean 'net_spend'"),
        ("city == ago('3d')", "holds text"),
        ("orders > today()", "whole numbers"),
    ],
)
def test_what_cannot_be_is_said(shop, rule, hint):
    with pytest.raises(BadDefinition, match=hint):
        many(shop, rule)
