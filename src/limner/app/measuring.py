"""`measure`: outcomes attached where they are stale, then arms compared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from limner.app.grounds import Portrait, portrait_of
from limner.app.stale import definitions_mark, files_mark, name_of
from limner.core.ours import Campaign, Model
from limner.core.rule import Did
from limner.core.spans import midnight
from limner.flow.measures.measure import measure as measure_one
from limner.flow.measures.measure import trials
from limner.flow.measures.measured import Measured
from limner.flow.outcomes.attach import VERSION as OUTCOMES_VERSION
from limner.flow.outcomes.attach import attach
from limner.store.ledger import views
from limner.store.ledger.tables import consents, outbox
from limner.store.ledger.views import Published

if TYPE_CHECKING:
    from limner.app.workspace import Workspace


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
            "v": OUTCOMES_VERSION,
            "links": portrait.links,
            "files": files_mark(stores, ["events", "lines", "items", "decisions"], portrait.asof),
            "messages": _messages_mark(shop),
            "definitions": definitions_mark(shop.definitions, ["campaigns", "offers"]),
        },
    )
    if not stores.lake.catalog.has_batch("outcomes", f"view:{version}"):
        now = shop.clock()
        with shop.keeper(now, "measure"):
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


def base_rate(shop: Workspace, campaign: Campaign, portrait: Portrait) -> float | None:
    """How many of the same audience did what the campaign wants, a while ago: the rate to expect without it.

    The audience is selected at an earlier asof and watched for the goal's span after it, so that a rule such as "no
    order in 30 days" does not make the rate zero; who is who is what is known today. None where nobody was in it then,
    or where the audience asks for what was not known then, such as a score.
    """
    from limner.app.asking import ground_at
    from limner.app.running import snapshot
    from limner.app.snapshots import for_audience
    from limner.store.gallery.bits import to_bitmap

    zone = shop.settings.zone
    back = max([campaign.goal.within, *(model.horizon for model in shop.definitions.of(Model).values())])
    then = midnight(portrait.asof - back, zone)
    today = ground_at(shop, portrait.version, portrait.links, portrait.asof)
    wanted, columns = for_audience(today, campaign.audience)
    version = snapshot(shop, then, wanted, portrait.links)
    if not columns <= version.headers.keys():
        return None
    ground = ground_at(shop, version, str(version.labels["links"]), then)
    members = ground.members(campaign.audience)
    if not members:
        return None
    watched = ground_at(shop, portrait.version, portrait.links, then + campaign.goal.within)
    did = to_bitmap(watched.words(Did(campaign.goal.event, within=campaign.goal.within)))
    return len(members & did) / len(members)
