"""Ask every station what the page needs, and put the answers into one value."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.grounds import Portrait, portrait_of
from limner.app.reporting.compliance import compliance_of
from limner.app.reporting.contents import Report
from limner.app.reporting.flows import channels_of, flows_of, launched, reached_of
from limner.app.reporting.money import intake_of, reconciled_of
from limner.app.reporting.portrait import apart_of, base_of, cards_of, foresights_of
from limner.app.reporting.results import results_of
from limner.app.reporting.writers import write
from limner.core.errors import NotFound
from limner.core.spans import midnight, parse_instant

if TYPE_CHECKING:
    from limner.app.workspace import Workspace


def gather(shop: Workspace, output: Path | None, lang: str | None, asof: str | datetime | None) -> Report:
    """See `limner.app.reporting.report`."""
    portrait = _portrait(shop, asof)
    shop.tell(0, 4, "report: money")
    settings = shop.settings.workspace
    made = Report(
        workspace=settings.name,
        currency=settings.currency,
        zone=settings.zone,
        lang=lang or settings.locale,
        asof=portrait.asof,
        made_at=shop.clock(),
        intake=intake_of(shop, portrait.asof),
        reconciled=reconciled_of(shop, portrait.asof, portrait),
    )
    shop.tell(1, 4, "report: portrait")
    made = replace(made, base=base_of(shop, portrait), cards=cards_of(shop, portrait))
    made = replace(made, foresights=foresights_of(shop, portrait))
    if launched(shop):
        shop.tell(2, 4, "report: campaigns")
        made = _with_campaigns(shop, portrait, made)
    shop.tell(4, 4, "report")
    if output is None:
        return made
    return replace(made, file=write(made, output))


def _portrait(shop: Workspace, asof: str | datetime | None) -> Portrait:
    """The portrait at an asof, built when it is not there."""
    from limner.app.running import run

    zone = shop.settings.zone
    at = parse_instant(asof, zone) if isinstance(asof, str) else asof
    try:
        return portrait_of(shop, at)
    except NotFound:
        run(shop, at or midnight(shop.clock(), zone))
    return portrait_of(shop, at)


def _with_campaigns(shop: Workspace, portrait: Portrait, made: Report) -> Report:
    from limner.app.measuring import attached, measure_all

    outcomes = attached(shop, portrait)
    reached = reached_of(shop, outcomes)
    results = results_of(shop, measure_all(shop, portrait.asof), outcomes, reached)
    shop.tell(3, 4, "report: audiences")
    return replace(
        made,
        results=results,
        flows=flows_of(shop, reached),
        compliance=compliance_of(shop, portrait),
        apart=apart_of(shop, portrait, tuple(dict.fromkeys(result.campaign for result in results))),
        channels=channels_of(shop, reached),
    )
