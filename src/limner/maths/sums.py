"""Sufficient statistics of one arm: they add, so partial sums over files, days and engines merge without the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from limner.core.errors import BadInput, words

SUMS_IMPOSSIBLE = words(
    "sums_impossible", "No {count} values have the sum {total} and the sum of squares {squares}. Check the query."
)

Number = int | float | Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Sums:
    """How many values, their sum and the sum of their squares; held exactly, as fractions.

    Floats are taken at their binary value. An empty sample has mean 0 and variance 0.

    >>> a = Sums.of([1, 2, 3]) + Sums.of([4])
    >>> a.count, a.mean, round(a.variance, 4)
    (4, 2.5, 1.6667)
    """

    count: int
    total: Fraction
    squares: Fraction

    @classmethod
    def given(cls, count: int, total: Number, squares: Number | None = None) -> Sums:
        """From sums at hand; without `squares` the values are noughts and ones, so that squares = total.

        >>> Sums.given(1000, 86).mean
        0.086
        """
        total = Fraction(total)
        sums = cls(count, total, total if squares is None else Fraction(squares))
        if count < 0 or sums.squares * count < total * total:
            raise BadInput(SUMS_IMPOSSIBLE, count=count, total=float(total), squares=float(sums.squares))
        return sums

    @classmethod
    def of(cls, values: Iterable[Number]) -> Sums:
        """The sums of values at hand."""
        exact = [Fraction(value) for value in values]
        return cls(len(exact), sum(exact, Fraction()), sum((v * v for v in exact), Fraction()))

    @property
    def mean(self) -> float:
        return float(self.total / self.count) if self.count else 0.0

    @property
    def variance(self) -> float:
        """Sample variance, with n - 1; 0 below two values."""
        if self.count < 2:
            return 0.0
        return float((self.squares - self.total * self.total / self.count) / (self.count - 1))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)
