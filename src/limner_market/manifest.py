"""What was written: files, counts, planted defects, and the money by source and month that a reconciliation must
find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from limner_market.baskets import Lines
from limner_market.days import Period
from limner_market.distinct import distinct
from limner_market.files import Written
from limner_market.world import World

SOURCES = ("tmall", "pos")


@dataclass(frozen=True, slots=True)
class Total:
    """One source in one period, in yuan: `paid` by orders placed in it, `refunded` by refunds completed in it."""

    source: str
    period: str
    orders: int
    lines: int
    paid: Decimal
    refunds: int
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """Paid less refunded."""
        return self.paid - self.refunded


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one call wrote. `counts` by kind of row, `defects` by kind of defect, `totals` by source and period."""

    seed: int
    customers: int
    files: tuple[Written, ...]
    counts: Mapping[str, int]
    defects: Mapping[str, int]
    totals: tuple[Total, ...]

    @property
    def events(self) -> int:
        """Acts, orders and refunds together."""
        return sum(self.counts.get(kind, 0) for kind in ("clicks", "orders", "refunds"))


@dataclass
class Ledger:
    """The manifest while it is being written."""

    counts: dict[str, int] = field(default_factory=dict)
    defects: dict[str, int] = field(default_factory=dict)
    totals: list[Total] = field(default_factory=list)

    def count(self, kind: str, rows: int) -> None:
        """Add rows of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + rows

    def defect(self, counts: Mapping[str, int]) -> None:
        """Add planted defects by kind."""
        for kind, rows in counts.items():
            self.defects[kind] = self.defects.get(kind, 0) + rows

    def sales(self, period: Period, sold: Lines, back: Lines) -> None:
        """Add the lines sold in a period and the lines whose money went back in it."""
        for number, source in enumerate(SOURCES):
            bought, returned = sold.rows(sold.counter == number), back.rows(back.counter == number)
            orders = len(distinct(bought.order))
            paid, refunded = int(bought.paid_fen.sum()), int(returned.paid_fen.sum())
            self.totals.append(
                Total(source, period.word, orders, len(bought), _yuan(paid), len(returned), _yuan(refunded))
            )
            self.count("orders", orders)
            self.count("lines", len(bought))
            self.count("refunds", len(returned))

    def manifest(self, world: World, files: tuple[Written, ...]) -> Manifest:
        """The finished manifest."""
        return Manifest(
            seed=world.seed,
            customers=world.people.members,
            files=files,
            counts=MappingProxyType(dict(self.counts)),
            defects=MappingProxyType(dict(self.defects)),
            totals=tuple(self.totals),
        )


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2).quantize(Decimal("0.01"))
