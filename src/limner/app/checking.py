"""`check`: are the definitions right, is the data sound, does the money add up. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from limner.app.applying import after, compare
from limner.app.crosschecks import check_definitions, problems
from limner.core.errors import LimnerError, NotFound
from limner.flow.sources.base import Finding, checks

if TYPE_CHECKING:
    from limner.app.reporting.contents import Intake, Reconciled
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions

__all__ = ["Checked", "check", "check_definitions"]

WRONG: Final = frozenset({"error", "wrong"})
"""Levels of findings that make a check fail."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: mistakes in the definitions, what became of all rows, findings in the data, the money.

    `exit_code` is 1 when a definition is wrong, a finding says so, or the two ways of summing the money differ.
    """

    asof: datetime
    definitions: int
    problems: Sequence[LimnerError]
    intake: Intake
    findings: Sequence[Finding]
    reconciled: Reconciled

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
    return Checked(
        asof=asof,
        definitions=sum(1 for _ in found.all()),
        problems=wrong or problems(shop, found),
        intake=intake_of(shop, asof),
        findings=tuple(_findings(shop)),
        reconciled=reconciled_of(shop, asof, portrait),
    )


def _folder(shop: Workspace) -> tuple[Definitions, tuple[LimnerError, ...]]:
    """The definitions as an apply of the folder would leave them; those in force, when a file cannot be read."""
    present = shop.definitions
    try:
        changes, filed = compare(shop.folder, shop.stores.ledger, "ours")
    except LimnerError as error:
        return present, (error,)
    return after(present, changes, filed), ()


def _findings(shop: Workspace) -> list[Finding]:
    found: list[Finding] = []
    kinds = list(checks)
    for done, (name, ask) in enumerate(kinds):
        shop.tell(done, len(kinds), name)
        found += ask(shop.stores)
    return found
