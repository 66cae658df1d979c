"""The story of 南枝: history, three campaigns, what came of them, and a second wave that does better."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml

from limner.app.collecting import collect
from limner.app.defining import apply
from limner.app.launching import launch, send_due
from limner.app.measuring import measure
from limner.app.planning import Planned, plan
from limner.app.reporting import report
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.errors import NotFound, words
from limner.core.ours import Offer
from limner.core.tell import Tell, silent
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.gateway import Gateway
from limner.edge.demo.truth import Truth, keep_truths, true_of
from limner.edge.report import write

if TYPE_CHECKING:
    import pyarrow as pa

    from limner_market import Market

NO_MARKET = words("demo_extra_missing", "The demo needs more packages. Install them: pip install 'limner[demo]'.")

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 9, 1, tzinfo=ZONE)
WAVES = (FIRST, FIRST + timedelta(days=15), FIRST + timedelta(days=30))
_WAVE_HOURS = (10, 11, 20)


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave: its plans, and what each campaign did, with the market's truth beside it."""

    number: int
    plans: tuple[Planned, ...]
    measured: Mapping[str, Any]
    truths: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """What the demo did and where the report is."""

    folder: str
    report: str
    customers: int
    events: int
    waves: tuple[Wave, ...]

    def to_json(self) -> Mapping[str, object]:
        """The document of `demo --json`."""
        return {name: getattr(self, name) for name in self.__slots__}


def demo(
    *,
    folder: Path | None = None,
    data: Path | None = None,
    customers: int = 200_000,
    seed: int = 7,
    lang: str | None = None,
    formats: str = "shop",
    waves: int = 2,
    tell: Tell = silent,
) -> Any:
    """Play the circle and write its report; with `data`, on the Online Retail file."""
    home = folder or Path("demo")
    if data is not None:
        from limner.edge.demo.retail import retail

        return retail(home, data, lang=lang, tell=tell)
    try:
        from limner_market import Market
    except ImportError:
        raise NotFound(NO_MARKET) from None
    prepare(home, "nanzhi", seed)
    market = Market(customers=customers, seed=seed)
    tell(0, 0, "market")
    manifest = market.write(home / "data", formats=formats, tell=tell)  # type: ignore[arg-type]
    clock = Clock(FIRST)
    gateway = Gateway(clock)
    try:
        with Workspace(home, clock=clock, tell=tell) as shop:
            played = _play(shop, market, gateway, clock, formats, waves)
            path = write(report(shop, lang=lang), shop.folder / "report.html")
    finally:
        gateway.close()
    return Played(str(home), str(path), customers, manifest.events, played)


def _play(
    shop: Workspace, market: Market, gateway: Gateway, clock: Clock, formats: str, waves: int
) -> tuple[Wave, ...]:
    _listen(shop.folder, gateway.url)
    models = _aside(shop.folder)
    apply(shop)
    collect(shop)
    run(shop)
    first = _wave(shop, market, gateway, clock, 1, ("wavering", "new-arrivals", "wake-up"), formats)
    if waves == 1:
        return (first,)
    _second_wave(shop.folder)
    models.rename(shop.folder / "models")
    apply(shop)
    second = _wave(shop, market, gateway, clock, 2, ("wavering-2", "wake-up-2"), formats)
    return first, second


def _aside(home: Path) -> Path:
    """Learning waits for the second wave: the models' definitions stand aside until then."""
    return (home / "models").rename(home / "data" / "models")


def _listen(home: Path, url: str) -> None:
    """Point the webhook channels at the demo's own gateway."""
    path = home / "channels" / "all.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("http://127.0.0.1:8421", url), encoding="utf-8")


def _second_wave(home: Path) -> None:
    """Stop the campaign that loses, halve the coupon of the one that wavers, let the third go on.

    A changed offer is a new experiment; an unchanged one keeps its arms, so the third names its experiment.
    """
    path = home / "campaigns" / "story.yaml"
    rows = {row["id"]: row for row in yaml.safe_load(path.read_text(encoding="utf-8"))}
    rows["new-arrivals"]["is_stopped"] = True
    for name, offer in (("wavering", "coupon-20"), ("wake-up", "hello-again")):
        again = {**rows[name], "id": f"{name}-2", "name": f"{rows[name]['name']}·二", "offers": [offer]}
        again["period"] = {
            "earliest": rows[name]["period"]["earliest"].replace("2026-09-01", "2026-09-16"),
            "latest": rows[name]["period"]["latest"].replace("2026-09-02", "2026-09-17"),
            "hours": rows[name]["period"]["hours"],
        }
        rows[again["id"]] = again
    text = yaml.safe_dump(list(rows.values()), allow_unicode=True, sort_keys=False, width=120)
    path.write_text(text, encoding="utf-8")


def _wave(
    shop: Workspace,
    market: Market,
    gateway: Gateway,
    clock: Clock,
    number: int,
    campaigns: tuple[str, ...],
    formats: str,
) -> Wave:
    """Plan, launch hour by hour, let the market live on, take in what came back, measure."""
    start, end = WAVES[number - 1], WAVES[number]
    clock.moment = start + timedelta(hours=8)
    plans = tuple(plan(shop, name) for name in campaigns)
    for made in plans:
        launch(shop, made.plan_id)
    for day in (0, 1):
        for hour in _WAVE_HOURS:
            clock.moment = start + timedelta(days=day, hours=hour)
            send_due(shop)
    messages = _messages(shop, gateway, start)
    truths = _truths(shop, market, plans)
    market.play(messages, end, shop.folder / "data", formats=formats)  # type: ignore[arg-type]
    clock.moment = end
    collect(shop)
    run(shop)
    measured = {name: measure(shop, name) for name in campaigns}
    keep_truths(shop, truths, measured)
    return Wave(number, plans, measured, truths)


def _truths(shop: Workspace, market: Market, plans: tuple[Planned, ...]) -> dict[str, Truth]:
    return {made.campaign: true_of(shop, market, made.plan_id) for made in plans}


def _messages(shop: Workspace, gateway: Gateway, start: datetime) -> pa.Table:
    """What the gateways received and what stands on the lists, as the market reads it."""
    import pyarrow as pa

    offers = shop.definitions.of(Offer)
    taken = gateway.taken() + _listed(shop, start)
    rows = [_message(one, offers[one["offer"]]) for one in taken]
    schema = pa.schema(
        [
            ("message_key", pa.string()),
            ("channel", pa.string()),
            ("address", pa.string()),
            ("campaign", pa.string()),
            ("offer", pa.string()),
            ("benefit", pa.decimal128(12, 2)),
            ("coupon", pa.string()),
            ("handed_over_at", pa.timestamp("us", tz="UTC")),
        ]
    )
    return pa.Table.from_pylist(rows, schema)


def _message(one: Mapping[str, Any], offer: Offer) -> dict[str, Any]:
    return {
        "message_key": one["key"],
        "channel": one["channel"],
        "address": one["to"],
        "campaign": one["campaign"],
        "offer": offer.id,
        "benefit": offer.benefit.quantize(Decimal("0.01")),
        "coupon": offer.coupon or None,
        "handed_over_at": one["handed_over_at"],
    }


def _listed(shop: Workspace, start: datetime) -> list[dict[str, Any]]:
    """The rows of the lists for the shops' staff, who call through the day they were written."""
    from sqlalchemy import select

    from limner.store.ledger.tables import touches

    row = touches.c
    with shop.stores.ledger.read() as connection:
        ours = {
            found.message_key: found
            for found in connection.execute(
                select(row.message_key, row.campaign, row.offer, row.handed_over_at).where(
                    row.channel == "guide", row.handed_over_at >= start
                )
            )
        }
    rows = []
    for path in sorted((shop.folder / "lists").rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.DictReader(file):
                touch = ours.get(line["message_key"])
                if touch is not None:
                    rows.append(
                        {
                            "key": touch.message_key,
                            "channel": "guide",
                            "to": line["会员号"],
                            "campaign": touch.campaign,
                            "offer": touch.offer,
                            "handed_over_at": touch.handed_over_at,
                        }
                    )
    return rows
