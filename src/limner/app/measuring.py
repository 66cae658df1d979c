"""`measure`: outcomes attached where they are stale, then arms compared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import func, select

from limner.app.grounds import Portrait, portrait_of
from limner.app.stale import files_mark, name_of
from limner.core.ours import Campaign
from limner.core.rule import Did
from limner.flow.measures.measure import measure as measure_one
from limner.flow.measures.measure import trials
from limner.flow.measures.measured import Measured
from limner.flow.outcomes.attach import attach
from limner.store.ledger import views
from limner.store.ledger.tables import consents, outbox
from limner.store.ledger.views import Published

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

VERSION = 1
_OUTCOMES = "lake:outcomes"


def measure(shop: Workspace, campaign: str, asof: str | datetime | None = None) -> Measured:
    """Compare the granted of a campaign with its held-out, by assignment, at the newest portrait or at an asof."""
    found = shop.definitions.find(Campaign, campaign)
    portrait = portrait_of(shop, asof)
    version = attached(shop, portrait)
    return measure_one(
        shop.stores,
        shop.definitions,
        found.id,
        who=shop.who,
        asof=portrait.asof,
        outcomes=version,
        tell=shop.tell,
    )


def measure_all(shop: Workspace, asof: str | datetime | None = None) -> tuple[Measured, ...]:
    """Every campaign that has outcomes, in the order of their first plans; none launched: nothing."""
    portrait = portrait_of(shop, asof)
    version = attached(shop, portrait)
    return tuple(
        measure_one(
            shop.stores,
            shop.definitions,
            trial.campaign,
            who=shop.who,
            asof=portrait.asof,
            experiment=trial.experiment,
            outcomes=version,
        )
        for trial in sorted(trials(shop.stores, outcomes=version), key=lambda t: t.last_plan)
    )


def attached(shop: Workspace, portrait: Portrait) -> str:
    """The version of the outcomes at a portrait, attached when it is stale."""
    stores = shop.stores
    version = name_of(
        "outcomes",
        portrait.asof,
        {
            "v": VERSION,
            "links": portrait.links,
            "files": files_mark(stores, ["events", "lines", "items", "decisions"]),
            "messages": _messages_mark(shop),
        },
    )
    if not stores.lake.catalog.has_batch("outcomes", f"view:{version}"):
        now = shop.clock()
        with stores.ledger.lease("keeper", now, "measure"):
            attach(
                stores,
                shop.definitions,
                version,
                who=shop.who,
                asof=portrait.asof,
                links=portrait.links,
                tell=shop.tell,
            )
            new = Published(_OUTCOMES, version, portrait.asof, stores.lake.catalog.seq(), now, {})
            with stores.ledger.write() as connection:
                views.publish(connection, stores.ledger, new)
    return version


def _messages_mark(shop: Workspace) -> list[object]:
    row = outbox.c
    with shop.stores.ledger.read() as connection:
        states = connection.execute(select(row.state, func.count()).group_by(row.state).order_by(row.state)).all()
        refusals = connection.execute(select(func.max(consents.c.seq))).scalar()
    return [[list(pair) for pair in states], refusals]


def base_rate(shop: Workspace, campaign: Campaign, numbers: np.ndarray, portrait: Portrait) -> float:
    """The share of these customers who did what the campaign wants in the same span before the portrait's asof."""
    from limner.app.asking import rule_members

    leaf = Did(campaign.goal.event, within=campaign.goal.within)
    did = np.asarray(rule_members(shop, leaf, portrait).to_array(), np.int64)
    return float(np.isin(numbers, did).mean())
