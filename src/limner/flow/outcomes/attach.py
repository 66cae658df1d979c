"""`attach`: to every decision of a launched plan, granted or held out, what happened in the same window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.tell import Tell, silent
from limner.flow.outcomes.base import OUTCOME_RULES
from limner.flow.outcomes.launched import Launched, launched
from limner.store.lake.sql import statement
from limner.store.lake.tables import OUTCOMES

if TYPE_CHECKING:
    from limner.flow.outcomes.base import OutcomeRule
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

VERSION = 1
"""Raised when the same input must give another answer."""

_PACKAGE = "limner.flow.outcomes"
_MONEY = pa.decimal128(18, 4)


@dataclass(frozen=True, slots=True)
class Attached:
    """How many outcomes stand under a version, of how many plans, and how many of their windows are over."""

    version: str
    asof: datetime
    plans: int
    decisions: int
    complete: int
    converted: int


def attach(
    stores: Stores,
    definitions: Definitions,
    version: str,
    *,
    who: Actor,
    asof: datetime,
    links: str | None = None,
    tell: Tell = silent,
) -> Attached:
    """Write one row of `outcomes` per granted and held-out decision made before `asof`, under `version`.

    The window of a decision is [its moment, moment + the goal's span), the same for both arms; it ends earlier where
    the same customer's next decision in the same experiment begins. Nothing past `asof` is read. Decisions dropped at
    launch, by the check made for both arms at once, have no outcome; those dropped later keep theirs, because analysis
    is by assignment. `links` names a version of the links (default: the published one). No plan launched: no rows.
    """
    found = launched(stores, definitions)
    versions = {"links": links} if links else {}
    wanted = stores.lake.table(
        statement(_PACKAGE, "wanted.sql", asof=asof, sent=exp.to_table("sent"), terms=exp.to_table("terms")),
        given={"sent": found.sent, "terms": found.terms},
        versions=versions,
    )
    columns = _attached(stores, wanted, found, asof, versions, tell)
    outcomes = _table(wanted, columns)
    stores.lake.publish("outcomes", version, outcomes)
    return Attached(
        version,
        asof,
        plans=len(pc.unique(wanted["plan_id"])),
        decisions=wanted.num_rows,
        complete=_count(wanted["is_complete"]),
        converted=_count(outcomes["is_converted"]),
    )


def _attached(
    stores: Stores, wanted: pa.Table, found: Launched, asof: datetime, versions: Mapping[str, str], tell: Tell
) -> dict[str, pa.ChunkedArray]:
    """The columns all rules fill, in the order of `wanted`."""
    traced = stores.lake.table(
        statement(_PACKAGE, "traced.sql", wanted=exp.to_table("wanted")), given={"wanted": wanted}, versions=versions
    )
    given = {"wanted": wanted, "traced": traced, "refusals": found.refusals}
    rules = list(OUTCOME_RULES)
    columns: dict[str, pa.ChunkedArray] = {}
    for done, (name, rule) in enumerate(rules):
        tell(done, len(rules), f"outcomes: {name}")
        answers = stores.lake.table(rule().ask(asof), given=given, versions=versions)
        columns |= _spread(rule, answers, wanted)
    tell(len(rules), len(rules), "outcomes")
    return columns


def _spread(rule: type[OutcomeRule], answers: pa.Table, wanted: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The answers of one rule in the order of `wanted` (sorted by decision); the others get what `fills` says."""
    place = np.full(wanted.num_rows, -1, np.int64)
    here = np.searchsorted(wanted["decision"].to_numpy(), answers["decision"].to_numpy())
    place[here] = np.arange(answers.num_rows)
    index = pa.array(place, mask=place < 0)
    spread = {}
    for name, otherwise in rule.fills.items():
        kind = _kinds()[name]
        column = answers[name].cast(kind).take(index)
        spread[name] = column if otherwise is None else pc.fill_null(column, pa.scalar(otherwise, kind))
    return spread


def _table(wanted: pa.Table, columns: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    cost = wanted["contact_cost"].cast(_MONEY)
    gained = pc.subtract(pc.subtract(columns["margin"], columns["benefit"]), cost)
    made: dict[str, Any] = {
        **{name: wanted[name] for name in OUTCOMES.columns if name in wanted.column_names},
        **columns,
        "contact_cost": cost,
        "money": gained.cast(_MONEY),
        "is_handed_over": pc.is_valid(wanted["touch_id"]),
    }
    return pa.table({name: made[name] for name in OUTCOMES.columns})


def _kinds() -> Mapping[str, pa.DataType]:
    from limner.store.lake.writing import ARROW

    return {name: ARROW[kind] for name, kind in OUTCOMES.columns.items()}


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
