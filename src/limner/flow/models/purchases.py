"""What customers bought and when, as it was known at a day: the ground of kinds that learn from histories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from limner.core.errors import NotFound, near
from limner.core.registry import UNKNOWN_KIND, Registry
from limner.core.spans import day_of
from limner.flow.models.base import MODEL_KINDS, Floats, ModelKind
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.core.ours import Model
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Purchases:
    """Days of purchase by customer and day, shape (m,) each; `day` is the local day of the asof. Orders of one day are
    one purchase; an amount nobody stated is 0."""

    numbers: Ints
    days: Ints
    amounts: Floats
    day: int

    def until(self, day: int) -> Purchases:
        """What was known at the start of an earlier day."""
        kept = self.days < day
        return Purchases(self.numbers[kept], self.days[kept], self.amounts[kept], day)


@dataclass(frozen=True, slots=True)
class Buyers:
    """One row per buyer, shape (n,) each: repeat purchases, days from the first to the last and to the asof, the mean
    amount of a repeat (0 without one), and the day of the first purchase."""

    numbers: Ints
    repeats: Ints
    last: Ints
    age: Ints
    mean: Floats
    first: Ints


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a history kind answers: columns by what follows the model's id ("" is its own), one value per number, NaN
    where unknown; and the lines of the card that are its own."""

    numbers: Ints
    columns: Mapping[str, Floats]
    card: Mapping[str, Any] = field(default_factory=dict)


class HistoryKind(Protocol):
    """A way to learn from purchase histories alone; it takes no features and needs no portraits of the past."""

    libraries: ClassVar[tuple[str, ...]]

    def foresee(self, model: Model, past: Purchases) -> Foreseen:
        """What is to be expected within the model's horizon; BadInput when the histories cannot carry it."""
        ...


HISTORY_KINDS: Registry[type[HistoryKind]] = Registry("model kind", "limner.flow.models", "limner.model_kinds")
history_kind = HISTORY_KINDS.kind


def kind_named(name: str) -> type[ModelKind] | type[HistoryKind]:
    """The kind of that name, of either contract; NotFound with the names of both.

    >>> kind_named("clv").__name__
    'Clv'
    """
    known: dict[str, type[ModelKind] | type[HistoryKind]] = {**dict(MODEL_KINDS), **dict(HISTORY_KINDS)}
    if name not in known:
        raise NotFound(
            UNKNOWN_KIND, near=near(name, known), what="model kind", name=name, known=", ".join(sorted(known))
        )
    return known[name]


def purchases(
    stores: Stores, model: Model, links: str | None, among: Ints, asof: datetime, *, is_one: bool = False
) -> Purchases:
    """The purchases of these customers before the asof; `is_one` asks for those of the first alone."""
    question: exp.Query = statement("limner.flow.models", "purchases.sql", event=model.event, asof=asof)
    if is_one:
        mine = exp.column("number").eq(exp.Literal.number(int(among[0])))
        question = exp.select("*").from_(question.subquery("p")).where(mine).order_by("number", "day")
    rows = stores.lake.table(question, versions={"links": links} if links else {})
    numbers = rows["number"].to_numpy().astype(np.int64)
    amounts = np.nan_to_num(rows["amount"].cast("float64").to_numpy())
    kept = np.isin(numbers, among)
    days = rows["day"].to_numpy().astype(np.int64)
    return Purchases(numbers[kept], days[kept], amounts[kept], day_of(asof, stores.settings.zone))


def buyers(past: Purchases) -> Buyers:
    """The history of each buyer, by number. The first purchase is no repeat, and the age runs to the asof.

    >>> found = buyers(Purchases(np.array([3, 3, 3]), np.array([10, 12, 20]), np.array([9.0, 4.0, 6.0]), 30))
    >>> [int(v[0]) for v in (found.numbers, found.repeats, found.last, found.age)], found.mean.tolist()
    ([3, 2, 10, 20], [5.0])
    """
    numbers, begin, count = np.unique(past.numbers, return_index=True, return_counts=True)
    first, last = past.days[begin], past.days[begin + count - 1]
    total = np.add.reduceat(past.amounts, begin) if len(begin) else np.empty(0)
    again = np.maximum(total - past.amounts[begin], 0.0)
    mean = np.where(count > 1, again / np.maximum(count - 1, 1), 0.0)
    return Buyers(numbers, count - 1, last - first, past.day - first, mean, first)
