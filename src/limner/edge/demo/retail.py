"""The circle on the UCI Online Retail file: nine months are history, the rest plays the future.

Nobody is contacted, because nobody can be: the campaigns are rehearsals, drawn and measured like any other, and what is
measured is an A/A check of the measurement itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from limner.app.collecting import collect
from limner.app.defining import apply
from limner.app.launching import launch
from limner.app.measuring import measure
from limner.app.planning import Planned, plan
from limner.app.reporting import report
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.errors import NotFound, words
from limner.core.ours import Campaign
from limner.core.tell import Tell, silent
from limner.edge.demo.folder import Clock, prepare
from limner.edge.report import write

if TYPE_CHECKING:
    from limner.flow.measures.measured import Measured
    from limner.flow.sources import Collected

NO_FILE = words(
    "demo_file_missing",
    "There is no file {path}. The Online Retail file (UCI id 352) comes as .xlsx, .csv or .parquet; name yours.",
)

ZONE = ZoneInfo("Europe/London")
DECIDED = datetime(2011, 9, 1, tzinfo=ZONE)
END = datetime(2011, 12, 10, tzinfo=ZONE)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the circle found on the file, and where the report is."""

    folder: str
    report: str
    collected: Collected
    plans: tuple[Planned, ...]
    measured: tuple[Measured, ...]


def retail(home: Path, data: Path, *, lang: str | None = None, tell: Tell = silent) -> Rehearsed:
    """Collect the file, decide at the end of nine months, and measure what came after; nobody is contacted."""
    if not data.is_file():
        raise NotFound(NO_FILE, path=data)
    prepare(home, "online_retail")
    clock = Clock(END)
    with Workspace(home, clock=clock, tell=tell) as shop:
        apply(shop)
        found = collect(shop, file=(data.resolve(),))
        run(shop, DECIDED)
        clock.moment = DECIDED
        names = sorted(shop.definitions.of(Campaign))
        plans = tuple(plan(shop, name, DECIDED) for name in names)
        for made in plans:
            launch(shop, made.plan_id)
        clock.moment = END
        run(shop, END)
        measured: Any = tuple(measure(shop, name) for name in names)
        path = write(report(shop, lang=lang), home / "report.html")
    return Rehearsed(str(home), str(path), found, plans, measured)
