"""A small analyst's desk over the plain files: what the shop sees of each member, audiences, hold-outs, Welch
intervals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from limner_market import Market, Story, StoryCampaign

HERE = Path(__file__).parent
KINDS = {
    "orders": "tmall-orders",
    "pos": "pos",
    "refunds": "tmall-refunds",
    "clicks": "clicks",
    "consents": "consents",
    "items": "items",
    "persons": "truth/persons",
}
PRICE = 0.05  # yuan a text message costs


def ask(folder: Path, query: str, **values: object) -> pa.Table:
    """The answer of a `.sql` file, after the common part `purchases.sql`, over all Parquet files of `folder`."""
    text = "".join((HERE / name).read_text("utf-8") for name in ("purchases.sql", query))
    for name, kind in KINDS.items():
        paths = ",".join(f"'{path}'" for path in sorted(folder.glob(f"{kind}*.parquet")))
        text = text.replace("{" + name + "}", f"read_parquet([{paths}])")
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'Asia/Shanghai'")
        return connection.execute(text).to_arrow_table()


def members_seen(folder: Path, asof: datetime) -> pa.Table:
    """One row per member: what the shop sees before `asof`, and whether a text message may and can reach them."""
    return ask(folder, "seen.sql", asof=asof)


def select(seen: pa.Table, rule: str) -> pa.Table:
    """The members for whom `rule` holds and whom a text message may and can reach."""
    assert seen.num_rows
    rule = rule.replace("==", "=")
    with duckdb.connect() as connection:
        query = f"select member_no, phone, state from seen where reachable and {rule} order by member_no"
        return connection.execute(query).to_arrow_table()


@dataclass(frozen=True)
class Arms:
    """One campaign in one market: who was sent it, who was left alone."""

    campaign: StoryCampaign
    members: pa.Table
    treated: np.ndarray

    @property
    def customers(self) -> int:
        return self.members.num_rows


def draw_arms(campaign: StoryCampaign, members: pa.Table, rng: np.random.Generator) -> Arms:
    """Leave each member alone with the campaign's share."""
    return Arms(campaign, members, rng.random(members.num_rows) >= campaign.hold_out)


def text_messages(
    members: pa.Table, campaign: StoryCampaign, decided: datetime, channel: str = "sms", address: str = "phone"
) -> pa.Table:
    """What the gateways receive when a campaign is sent to `members`."""
    count = members.num_rows
    coupon = f"{campaign.key}-YHQ" if campaign.benefit else None
    handed = decided + timedelta(hours=campaign.hour)
    keys = [f"{campaign.key}-{decided:%m%d}-{number}" for number in members["member_no"].to_pylist()]
    return pa.table(
        {
            "message_key": pa.array(keys, pa.string()),
            "channel": pa.array([channel] * count, pa.string()),
            "address": members[address].combine_chunks(),
            "campaign": pa.array([campaign.key] * count, pa.string()),
            "offer": pa.array([campaign.name] * count, pa.string()),
            "benefit": pa.array([campaign.benefit] * count, pa.decimal128(10, 2)),
            "coupon": pa.array([coupon] * count, pa.string()),
            "handed_over_at": pa.array([handed] * count, pa.timestamp("us", "Asia/Shanghai")),
        }
    )


@dataclass(frozen=True)
class Reading:
    """What a Welch interval reads (money in yuan per treated customer), and the truth beside it."""

    campaign: StoryCampaign
    customers: int
    treated: int
    rate: float
    control: float
    money: float
    low: float
    high: float
    true_rate: float
    true_lift: float
    true_money: float

    @property
    def verdict(self) -> str:
        return "loses money" if self.high < 0 else "works" if self.low > 0 else "cannot tell"

    @property
    def total(self) -> float:
        return self.money * self.treated

    def __str__(self) -> str:
        return (
            f"{self.campaign.key:3} {self.customers:6} {self.rate:.4f} against {self.control:.4f}, "
            f"lift {self.rate - self.control:+.4f} (true {self.true_lift:+.4f} to {self.true_rate:.4f}), "
            f"money {self.money:.2f} [{self.low:.2f}, {self.high:.2f}] (true {self.true_money:.2f}): {self.verdict}"
        )


def read(market: Market, arms: Arms, folder: Path, decided: datetime) -> Reading:
    """Compare the arms over the 14 days after `decided`."""
    end = decided + timedelta(days=14)
    found = ask(folder, "outcomes.sql", decided=decided, end=end, codes=f"{arms.campaign.key}-")
    gains = {
        row["member_no"]: (row["margin"], row["used"])
        for row in found.select(["member_no", "margin", "used"]).to_pylist()
    }
    names = arms.members["member_no"].to_pylist()
    pairs = np.array([gains.get(name, (0.0, 0.0)) for name in names])
    bought = np.array([name in gains for name in names])
    worth = pairs[:, 0] - (pairs[:, 1] + PRICE) * arms.treated
    one, two = worth[arms.treated], worth[~arms.treated]
    money = float(one.mean() - two.mean())
    error = float(np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two)))
    truth = market.truth(
        names,
        channel="sms",
        benefit=arms.campaign.benefit,
        decided_at=decided,
        handed_over_at=decided + timedelta(hours=arms.campaign.hour),
    )
    return Reading(
        campaign=arms.campaign,
        customers=arms.customers,
        treated=len(one),
        rate=float(bought[arms.treated].mean()),
        control=float(bought[~arms.treated].mean()),
        money=money,
        low=money - 1.96 * error,
        high=money + 1.96 * error,
        true_rate=truth.rate_with,
        true_lift=truth.lift,
        true_money=truth.money,
    )


def play_wave(market: Market, folder: Path, wave: int, rng: np.random.Generator, story: Story) -> list[Reading]:
    """Select, hold out, send and read one wave of the story."""
    end, campaigns = story.waves[wave]
    decided = market.clock
    seen = members_seen(folder, decided)
    arms = [draw_arms(campaign, select(seen, campaign.audience), rng) for campaign in campaigns]
    sent = [text_messages(a.members.filter(pa.array(a.treated)), a.campaign, decided) for a in arms]
    market.play(pa.concat_tables(sent), end, folder, formats="plain")
    return [read(market, a, folder, decided) for a in arms]
