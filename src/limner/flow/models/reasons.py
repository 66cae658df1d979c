"""Why a customer has a score: what each input adds to it against the average customer, on the log-odds scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from limner.flow.models.features import matrix
from limner.maths.calibration import Calibration, logit
from limner.maths.forest import Forest, read
from limner.store.gallery.numeric import stored_at

if TYPE_CHECKING:
    from limner.flow.models.base import Fitted
    from limner.store.gallery import Version

OTHERS: Final = 512
"""Customers whose mean is the average customer: evenly spaced by number among those who have a score."""


@runtime_checkable
class Additive(Protocol):
    """A kind that has learned trees whose values are added up to the log-odds of its raw scores."""

    def forest(self) -> Forest:
        """The trees."""
        ...


@dataclass(frozen=True, slots=True)
class Reasons:
    """How a score is made up, in log-odds: `average` is the mean of `customers` with a score, `parts` what each input
    adds, `put_right` what calibration adds; they add up to the log-odds of the score."""

    average: float
    parts: Mapping[str, float]
    put_right: float
    customers: int

    @property
    def log_odds(self) -> float:
        """The log-odds of the score."""
        return self.average + sum(self.parts.values()) + self.put_right


def kept(model: Fitted, chance: Calibration, names: Sequence[str]) -> dict[str, Any]:
    """What a version keeps of a model, so that its scores can be taken apart; nothing of one that is not additive."""
    if not isinstance(model, Additive):
        return {}
    return {"names": list(names), "forest": model.forest().body(), "calibration": asdict(chance)}


def reasons(version: Version, model: str, number: int, asof_day: int) -> Reasons | None:
    """What the score of a customer is made up of; None where the version keeps nothing of the model, or where the
    customer has no score."""
    body = version.fit(model)
    if not body or version.column(model).value(number) is None:
        return None
    names, forest, told = body["names"], read(body["forest"]), body["calibration"]
    chance = Calibration(told["method"], tuple(told["inputs"]), tuple(told["outputs"]))
    living = np.asarray(version.living.to_array(), np.int64)
    scored = living[stored_at(version.column(model), living)[1]]
    others = scored[np.unique(np.linspace(0, scored.size - 1, min(OTHERS, scored.size)).astype(np.int64))]
    mine, rest = (matrix(version, names, numbers, asof_day) for numbers in (np.array([number]), others))
    parts = forest.shares(mine[0], rest)
    raw = forest.raw(mine)
    right = float(logit(chance.apply(1 / (1 + np.exp(-raw))))[0] - raw[0])
    average = float(forest.raw(rest).mean())
    return Reasons(average, dict(zip(names, parts.tolist(), strict=True)), right, len(others))
