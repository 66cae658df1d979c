"""A workspace with launched plans and facts written straight into the stores, for outcomes and measures."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
from sqlalchemy import insert

from limner.core.actor import OWNER
from limner.core.ours import Campaign, Experiment, Goal, Offer, Period
from limner.flow.identity import resolve
from limner.flow.outcomes import attach
from limner.store.definitions import Definitions
from limner.store.ledger import views
from limner.store.ledger.tables import consents, outbox, plans, touches
from shop import NOW, STAMP, open_shop, put_identifiers

MONEY = pa.decimal128(18, 4)
LATER = NOW + timedelta(days=30)
TYPES = {
    "trace": pa.int32(), "happened_at": STAMP, "amount": MONEY, "quantity": MONEY, "p_coupon_amount": MONEY,
    "cost": MONEY, "touch_id": pa.int64(), "number": pa.int32(), "moment": STAMP,
}  # fmt: skip


def campaign(name="gift", *, offers=("coupon",), days=14, holdout=0.1, event="Order Completed", **more):
    return Campaign(
        name, "all", offers, ("sms",), Period("2026-09-01", "2026-09-03"),
        goal=Goal(event, timedelta(days=days)), experiment=Experiment(holdout=holdout), **more,
    )  # fmt: skip


class Desk:
    """Customers 1..n, one trace each (or what `records` says); plans are launched at NOW."""

    def __init__(self, folder, people=6, records=None):
        self.stores = open_shop(folder)
        put_identifiers(self.stores, records or [[("member_no", f"M{i}")] for i in range(people)])
        self.offers = {o.id: o for o in (Offer("coupon", benefit=Decimal(40), coupon="NZ40"), Offer("words"))}
        self.campaigns = {}
        self.batch = 0
        self.link()

    @property
    def definitions(self):
        return Definitions({"campaigns": self.campaigns, "offers": self.offers}, {})

    def link(self, asof=NOW):
        self.batch = getattr(self, "batch", 0) + 1
        name = f"links{self.batch}"
        resolve(self.stores, name, who=OWNER, asof=asof, now=asof)
        self.publish("links", name, asof)
        rows = self.stores.lake.table(_sql("SELECT trace, number FROM links ORDER BY trace"))
        self.trace = {}
        for trace, number in zip(rows["trace"].to_pylist(), rows["number"].to_pylist(), strict=True):
            self.trace.setdefault(number, trace)
        return self.trace

    def publish(self, view, version, asof):
        with self.stores.ledger.write() as connection:
            views.publish(connection, self.stores.ledger, views.Published(f"lake:{view}", version, asof, 0, asof, {}))

    def launch(
        self, definition, arms, *, plan_id=1, moment=NOW, offer=None, experiment=None, state="launched", cost="0.05"
    ):
        """`arms`: number → granted, held_out or universal."""
        self.campaigns[definition.id] = definition
        offer = offer or definition.offers[0]
        experiment = f"{definition.id}:{offer}"
        numbers = list(arms)
        first = plan_id * 1_000_000
        answers = ["granted" if arms[n] == "granted" else "held_out" for n in numbers]
        rows = {
            "decision": [first + i for i in range(len(numbers))], "plan_id": [plan_id] * len(numbers),
            "campaign": [definition.id] * len(numbers), "experiment": [experiment] * len(numbers),
            "number": numbers, "arm": [arms[n] for n in numbers], "answer": answers,
            "offer": [offer] * len(numbers), "channel": ["sms"] * len(numbers), "moment": [moment] * len(numbers),
            "happened_at": [moment] * len(numbers), "source": ["decide"] * len(numbers),
        }  # fmt: skip
        self.stores.lake.append("decisions", f"plan:{plan_id}", _table(rows))
        with self.stores.ledger.write() as connection:
            connection.execute(
                insert(plans).values(
                    plan_id=plan_id,
                    campaign=definition.id,
                    campaign_version="none",
                    experiment=experiment,
                    made_at=moment,
                    asof=moment,
                    actor="me",
                    basis="{}",
                    header="{}",
                    state=state,
                    launched_at=moment,
                )
            )
            self._hand_over(connection, definition, rows, moment, Decimal(cost))
        return rows["decision"]

    def _hand_over(self, connection, definition, rows, moment, cost):
        waiting, taken = [], []
        for decision, number, arm in zip(rows["decision"], rows["number"], rows["arm"], strict=True):
            is_sent = arm == "granted"
            common = {
                "plan_id": rows["plan_id"][0], "campaign": definition.id, "number": number, "trace": 1,
                "channel": "sms", "offer": rows["offer"][0], "message_class": "marketing",
                "message_key": f"k{decision}",
                "cost": cost,
            }  # fmt: skip
            waiting.append(
                common
                | {
                    "decision": decision,
                    "purpose": "marketing",
                    "moment": moment,
                    "latest_at": moment,
                    "state": "handed_over" if is_sent else "virtual",
                    "next_try_at": moment,
                    "changed_at": moment,
                }
            )
            if is_sent:
                taken.append(
                    common | {"touch_id": decision, "handed_over_at": moment, "attempts": 1, "is_uncertain": False}
                )
        connection.execute(insert(outbox), waiting)
        if taken:
            connection.execute(insert(touches), taken)

    def events(self, rows, table="events"):
        """Rows as mappings; `who` is a customer number, `after` days after NOW."""
        self.batch += 1
        made = []
        for given in rows:
            row = dict(given)
            if "who" in row:
                row["trace"] = self.trace[row.pop("who")]
            row["happened_at"] = NOW + timedelta(days=row.pop("after", 1))
            row.setdefault("source", "shop")
            made.append(row)
        names = list(dict.fromkeys(name for row in made for name in row))
        columns = {name: [row.get(name) for row in made] for name in names}
        self.stores.lake.append(table, f"test:{self.batch}", _table(columns))

    def refuse(self, trace, after=1):
        with self.stores.ledger.write() as connection:
            connection.execute(
                insert(consents).values(
                    seq=self.stores.ledger.take(connection, "consent"),
                    load=1,
                    source="test",
                    kind="member_no",
                    hash=bytes(16),
                    trace=trace,
                    channel="sms",
                    purpose="marketing",
                    is_granted=False,
                    happened_at=NOW + timedelta(days=after),
                    received_at=NOW + timedelta(days=after),
                    proof="",
                )
            )

    def attach(self, asof=LATER):
        self.batch += 1
        version = f"outcomes{self.batch}"
        attached = attach(self.stores, self.definitions, version, who=OWNER, asof=asof)
        self.publish("outcomes", version, asof)
        return attached

    def outcomes(self, asof: datetime = LATER):
        """Outcomes by customer number."""
        self.attach(asof)
        rows = self.stores.lake.table(_sql("SELECT * FROM outcomes ORDER BY decision")).to_pylist()
        return {row["number"]: row for row in rows}


def _sql(text):
    import sqlglot

    return sqlglot.parse_one(text, read="duckdb")


def _table(columns):
    made = {}
    for name, given in columns.items():
        kind = TYPES.get(name)
        values = [None if v is None else Decimal(str(v)) for v in given] if kind == MONEY else given
        made[name] = pa.array(np.asarray(values, object) if kind is None else values, kind)
    return pa.table(made)
