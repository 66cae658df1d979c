"""`check`: are the definitions right, is the data sound, does the money add up. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from limner.app.applying import after, compare
from limner.app.crosschecks import check_definitions, problems
from limner.app.reporting.contents import Reconciled
from limner.core.errors import Broken, LimnerError, NotFound
from limner.flow.sources.base import Finding, checks

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.reporting.contents import Intake
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions

__all__ = ["Checked", "check", "check_definitions"]

WRONG: Final = frozenset({"error", "wrong"})
"""Levels of findings that make a check fail."""
IN_PLACE: Final = "in_place"
"""The check of files read in place: while one is not as it was, nothing that reads events can be asked."""
_MONEY: Final = ("events", "lines", "identifiers")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: mistakes in the definitions, what became of all rows, findings in the data, the money.

    `is_behind` says that rows have come or gone since the newest portrait was built: the money is then not summed by
    customer. While a file read in place is not as it was taken in, neither money nor what rules name is looked at.

    `exit_code` is 1 when a definition is wrong, a finding says so, or the two ways of summing the money differ.
    """

    asof: datetime
    definitions: int
    problems: Sequence[LimnerError]
    intake: Intake
    findings: Sequence[Finding]
    reconciled: Reconciled
    is_behind: bool = False

    @property
    def wrong(self) -> Sequence[Finding]:
        """The findings that make it fail."""
        return [finding for finding in self.findings if finding.level in WRONG]

    @property
    def exit_code(self) -> int:
        """0 when all is well."""
        differs = self.reconciled.difference not in (None, Decimal(0))
        return 1 if self.problems or self.wrong or differs else 0

    def to_json(self) -> Mapping[str, object]:
        """The document of `check --json`."""
        money = self.reconciled
        return {
            "is_right": self.exit_code == 0,
            "asof": self.asof,
            "definitions": self.definitions,
            "problems": [{"code": error.code, "message": str(error)} for error in self.problems],
            "intake": self.intake,
            "findings": list(self.findings),
            "paid": money.paid,
            "refunded": money.refunded,
            "net": money.net,
            "net_of_customers": money.customers,
            "net_of_nobody": money.nobody,
            "difference": money.difference,
            "months": money.months,
            "is_behind": self.is_behind,
        }


def check(shop: Workspace) -> Checked:
    """Check the folder's definitions, the data of every source, and the money of the newest portrait or of now."""
    from limner.app.grounds import portrait_of
    from limner.app.reporting.money import intake_of, reconciled_of

    found, wrong = _folder(shop)
    try:
        portrait = portrait_of(shop)
    except NotFound:
        portrait = None
    asof = portrait.asof if portrait else shop.clock()
    is_behind = portrait is not None and shop.stores.lake.catalog.has_moved(portrait.catalog_seq, _MONEY)
    findings = (*_findings(shop), *(_ready(shop, portrait) if portrait else ()))
    can_read = not any(finding.check == IN_PLACE for finding in findings)
    return Checked(
        asof=asof,
        definitions=sum(1 for _ in found.all()),
        problems=wrong or (problems(shop, found) if can_read else ()),
        intake=intake_of(shop, asof if can_read else None),
        findings=findings,
        reconciled=reconciled_of(shop, asof, None if is_behind else portrait) if can_read else Reconciled(),
        is_behind=is_behind,
    )


def _folder(shop: Workspace) -> tuple[Definitions, tuple[LimnerError, ...]]:
    """The definitions as an apply of the folder would leave them; those in force, when a file cannot be read."""
    present = shop.definitions
    try:
        changes, filed = compare(shop.folder, shop.stores.ledger, "ours")
    except LimnerError as error:
        return present, (error,)
    return after(present, changes, filed), ()


def _ready(shop: Workspace, portrait: Portrait) -> Iterator[Finding]:
    """Customers of the newest portrait who stand in two ready audiences, and buyers among those who should be none."""
    from limner.app.asking import ground_at
    from limner.core.ours import Audience
    from limner.flow.audiences.ready import mistaken

    known = shop.definitions.of(Audience)
    if not any(one.options.get("ready") for one in known.values()):
        return
    ground = ground_at(shop, portrait.version, portrait.links, portrait.asof)
    for one in mistaken(ground, known):
        kind = "ready_buyers" if one.is_buyers else "ready_overlap"
        said = f"{one.audience}: {one.customers:,} of {one.of:,} customers are also {one.other}"
        yield Finding(kind, "warning", one.audience, one.customers, one.of, said, {"other": one.other})


def _findings(shop: Workspace) -> list[Finding]:
    """What all checks say; those that read a file in place that is not as it was taken in are left out."""
    found: list[Finding] = list(checks.find(IN_PLACE)(shop.stores))
    others = [(name, ask) for name, ask in checks if name != IN_PLACE]
    for done, (name, ask) in enumerate(others, 1):
        shop.tell(done, len(others) + 1, name)
        try:
            found += ask(shop.stores)
        except Broken:
            if not found or found[0].check != IN_PLACE:
                raise
    return found
