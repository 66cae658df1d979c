"""Scores as probabilities: how far off they are, and how to put them right on a later slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words
from limner.maths.extras import need
from limner.maths.ranking import pair

ONE_ANSWER = words(
    "calibration_one_answer", "A calibration needs customers of both answers, and all {count} are alike."
)

ISOTONIC_FROM = 1_000
"""Yes answers from which isotonic regression is used; below, Platt's two parameters (Niculescu-Mizil, Caruana 2005)."""
_EDGE = 1e-6


def brier(scores: npt.ArrayLike, answers: npt.ArrayLike) -> float | None:
    """Mean squared distance of score and answer (Brier 1950); None without customers.

    >>> brier([0.0, 0.5], [0, 1])
    0.125
    """
    score, answer = pair(scores, answers)
    return float(np.mean((score - answer) ** 2)) if score.size else None


def reliability(scores: npt.ArrayLike, answers: npt.ArrayLike, bins: int = 10) -> tuple[tuple[float, float, int], ...]:
    """(mean score, rate of yes, customers) over bins of equally many customers, lowest scores first.

    Equal scores always fall into one bin. Nobody: nothing.

    >>> reliability([0.2] * 10, [1, 1] + [0] * 8)
    ((0.2, 0.2, 10),)
    """
    score, answer = pair(scores, answers)
    if not score.size:
        return ()
    order = np.argsort(score, kind="stable")
    score, answer = score[order], answer[order].astype(np.float64)
    cuts = np.searchsorted(score, score[np.linspace(0, score.size, bins + 1)[1:-1].astype(np.int64)], side="left")
    starts = np.unique(np.r_[0, cuts])
    counts = np.diff(np.r_[starts, score.size])
    predicted, observed = (np.add.reduceat(values, starts) / counts for values in (score, answer))
    columns = (predicted.round(12).tolist(), observed.round(12).tolist(), counts.tolist())
    return tuple(zip(*columns, strict=True))


def ece(scores: npt.ArrayLike, answers: npt.ArrayLike, bins: int = 10) -> float | None:
    """Expected calibration error: mean distance of score and rate over the bins of `reliability`.

    None without customers.

    >>> ece([0.2] * 10, [1, 1] + [0] * 8)
    0.0
    """
    found = reliability(scores, answers, bins)
    total = sum(count for _, _, count in found)
    return round(sum(abs(p - o) * n for p, o, n in found) / total, 12) if total else None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising map from raw scores to probabilities.

    `isotonic`: points `inputs` → `outputs`, read by straight lines, flat beyond the ends. `platt`: no inputs, and
    `outputs` are slope and shift of a logistic curve on the raw score's logit.
    """

    method: Literal["isotonic", "platt"]
    inputs: tuple[float, ...]
    outputs: tuple[float, ...]

    def apply(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probabilities for raw scores: shape (n,) to shape (n,)."""
        score = np.asarray(scores, dtype=np.float64)
        if self.method == "platt":
            slope, shift = self.outputs
            return np.asarray(1 / (1 + np.exp(-(slope * logit(score) + shift))), dtype=np.float64)
        return np.interp(score, self.inputs, self.outputs)


def fit(scores: npt.ArrayLike, answers: npt.ArrayLike) -> Calibration:
    """Learn a calibration on a slice the model has not seen.

    Isotonic from `ISOTONIC_FROM` yes answers on (a step map, closed between steps by straight lines), Platt's logistic
    curve on the logit below, with Platt's softened targets (Platt 1999).
    """
    score, answer = pair(scores, answers)
    yes = int(answer.sum())
    if not yes or yes == answer.size:
        raise BadInput(ONE_ANSWER, count=answer.size)
    if yes >= ISOTONIC_FROM:
        isotonic = need("sklearn.isotonic", extra="ml").IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        isotonic.fit(score, answer.astype(np.float64))
        return Calibration("isotonic", _floats(isotonic.X_thresholds_), _floats(isotonic.y_thresholds_))
    return Calibration("platt", (), _platt(logit(score), answer, yes))


def _platt(x: npt.NDArray[np.float64], answer: npt.NDArray[np.bool_], yes: int) -> tuple[float, float]:
    linear = need("sklearn.linear_model", extra="ml").LogisticRegression(C=np.inf)
    high, low = (yes + 1) / (yes + 2), 1 / (answer.size - yes + 2)
    weight = np.where(answer, high, low)
    linear.fit(np.r_[x, x][:, None], np.r_[np.ones(x.size), np.zeros(x.size)], np.r_[weight, 1 - weight])
    return float(linear.coef_[0, 0]), float(linear.intercept_[0])


def logit(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)), with p kept a millionth away from both ends."""
    p = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
