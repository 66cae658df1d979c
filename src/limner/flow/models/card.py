"""The card of a model: what it saw, how well it does, when to retire it. Plain JSON values."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.flow.models.base import Floats, ModelKind
from limner.flow.models.examples import UNBOUND, Bound, Examples
from limner.flow.models.trial import Trial
from limner.maths.calibration import Calibration

if TYPE_CHECKING:
    from limner.core.ours import Model

AUC_MAY_FALL = 0.05
RATE_MAY_MOVE = 0.5
DRIFT_MOST = 0.25
"""Beyond these a model is to be learned again or retired."""
NOTE = (
    "The numbers are of a model fitted on all but the two newest periods and tested on the newest. The scores come "
    "from the same procedure moved one period on: calibrated on the newest, fitted on those before."
)


@dataclass(frozen=True, slots=True)
class Used:
    """The model that scores today's customers: its calibration, their scores, its seed, and what it is bound to."""

    chance: Calibration
    scores: Floats
    seed: int
    bound: Bound = UNBOUND


def card(
    model: Model, kind: type[ModelKind], asof: datetime, parts: Sequence[Examples], trial: Trial, used: Used
) -> dict[str, Any]:
    """The card of a model that was learned and used."""
    rates = [part.rate or 0.0 for part in parts]
    scores = used.scores
    return {
        **identity(model, asof, used.bound),
        "state": "learned",
        "customers": int(scores.size),
        "mean_score": _round(float(scores.mean()) if scores.size else None),
        "auc": {"random": _round(trial.random_auc), "temporal": _round(trial.temporal_auc)},
        "ece": _round(trial.ece),
        "ece_uncalibrated": _round(trial.ece_raw),
        "brier": _round(trial.brier),
        "decile_lift": [round(value, 4) for value in trial.lift],
        "base_rate": {"newest": _round(rates[-1]), "oldest": _round(rates[0]), "drift": _round(_moved(rates))},
        "score_drift": _round(stability(trial.scores, scores)),
        "features": [{"name": name, "importance": value} for name, value in trial.importance.items()],
        "calibration": used.chance.method,
        "calibration_table": [[_round(predicted), _round(rate), count] for predicted, rate, count in trial.reliability],
        "saw": [_slice(part) for part in parts],
        "note": NOTE,
        "seed": used.seed,
        "libraries": versions_of(kind.libraries),
        "retire_when": [
            {"what": "temporal_auc", "below": _round(trial.temporal_auc - AUC_MAY_FALL)},
            {"what": "base_rate", "below": _round(rates[-1] * (1 - RATE_MAY_MOVE))},
            {"what": "base_rate", "above": _round(min(1.0, rates[-1] * (1 + RATE_MAY_MOVE)))},
            {"what": "score_drift", "above": DRIFT_MOST},
            {"what": "asof", "after": (asof + 2 * model.horizon).isoformat()},
        ],
    }


def versions_of(libraries: Sequence[str]) -> dict[str, str]:
    """The versions of Python and of these packages."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}


def identity(model: Model, asof: datetime, bound: Bound = UNBOUND) -> dict[str, Any]:
    """What every card begins with, also that of a model that was refused."""
    return {
        "model": model.id,
        "name": model.name or model.id,
        "kind": model.kind,
        "event": model.event,
        "horizon_days": model.horizon.days,
        "purposes": list(bound.purposes),
        "consents": list(bound.needs),
        "apart": len(bound.apart),
        "asof": asof.isoformat(),
    }


def stability(before: Floats, after: Floats, bins: int = 10) -> float | None:
    """Stability index of two samples of scores over the tenths of the first: 0 alike, above 0.25 another population.

    None when either is empty or all scores are equal. Every tenth is given half a customer, so that none is empty.

    >>> stability(np.linspace(0, 1, 1000), np.linspace(0, 1, 500)) < 0.01
    True
    """
    if not before.size or not after.size:
        return None
    cuts = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    if not cuts.size:
        return None
    first, second = (
        (np.bincount(np.searchsorted(cuts, scores, side="right"), minlength=cuts.size + 1) + 0.5)
        / (scores.size + 0.5 * (cuts.size + 1))
        for scores in (before, after)
    )
    return float(((second - first) * np.log(second / first)).sum())


def _moved(rates: Sequence[float]) -> float | None:
    return rates[-1] / rates[0] - 1 if rates[0] else None


def _slice(part: Examples) -> dict[str, Any]:
    return {
        "asof": part.slice.asof.isoformat(),
        "until": part.slice.until.isoformat(),
        "customers": int(part.answers.size),
        "positives": part.positives,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
