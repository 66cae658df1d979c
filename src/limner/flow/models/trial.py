"""How good a model is: fitted on the past, calibrated on what followed, tested on what followed that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words
from limner.flow.models.base import Bools, Fitted, Floats, Matrix, ModelKind
from limner.flow.models.examples import Examples, together
from limner.maths import arms
from limner.maths.calibration import Calibration, brier, ece, reliability
from limner.maths.calibration import fit as calibrate
from limner.maths.ranking import auc, decile_lift

if TYPE_CHECKING:
    from limner.core.ours import Model

TOO_FEW_YES = words(
    "model_too_few_yes",
    "Model {model!r} cannot be learned: between {since} and {until} only {count} customers did {event!r}, and it takes "
    "{least}. Use a longer horizon, a commoner event, or wait.",
)
TOO_FEW_NO = words(
    "model_too_few_no",
    "Model {model!r} cannot be learned: between {since} and {until} all but {count} customers did {event!r}, and it "
    "takes {least} who did not.",
)
NO_FEATURES = words("model_no_features", "Model {model!r} cannot be learned: no numeric tag stands in all snapshots.")
NO_BETTER = words(
    "model_no_better_than_chance",
    "Model {model!r} is not used: on the newest period it ranks no better than chance "
    "(area under the curve {auc:.3f}).",
)
LEAST = 200
"""Yes answers, and no answers, that each slice must have."""
MOST_ROWS = 150_000
_SHOWN = 10_000


@dataclass(frozen=True, slots=True)
class Trial:
    """What the test on the newest slice said. `importance` is the fall of the AUC when a feature is shuffled,
    `reliability` (mean score, rate, customers) by tenths."""

    random_auc: float | None
    temporal_auc: float
    ece: float | None
    ece_raw: float | None
    brier: float | None
    lift: tuple[float, ...]
    importance: Mapping[str, float]
    reliability: tuple[tuple[float, float, int], ...]
    scores: Floats


def check(model: Model, parts: Sequence[Examples], names: Sequence[str]) -> None:
    """BadInput when the data cannot carry a model; the message says which period lacks what."""
    if not names:
        raise BadInput(NO_FEATURES, model=model.id)
    for part in parts:
        no = part.answers.size - part.positives
        since, until = part.slice.asof.date(), part.slice.until.date()
        for code, count in ((TOO_FEW_YES, part.positives), (TOO_FEW_NO, no)):
            if count < LEAST:
                raise BadInput(
                    code, model=model.id, since=since, until=until, event=model.event, count=count, least=LEAST
                )


def fitted(kind: type[ModelKind], model: Model, parts: Sequence[Examples], seed: int) -> Fitted:
    """The kind, learned on these slices."""
    features, answers, _ = together(parts, MOST_ROWS, seed)
    return kind().fit(features, answers, seed=seed, options=model.options)


def calibration(model: Fitted, part: Examples, seed: int) -> Calibration:
    """The map from raw scores to chances, on a slice the model has not seen."""
    features, answers, _ = together([part], MOST_ROWS, seed)
    return calibrate(model.score(features), answers)


def attempt(
    kind: type[ModelKind], model: Model, parts: Sequence[Examples], names: Sequence[str], seed: int, aside: Executor
) -> Trial:
    """Fit on all but the last two slices, calibrate on the last but one, test on the last.

    The random AUC beside it holds out a fifth of the customers of the same slices instead of the future: it flatters,
    and the distance between the two says how much. `aside` works on what does not wait for the rest.
    """
    *past, later, newest = parts
    random_auc = aside.submit(_random_auc, kind, model, past, seed)
    learned = fitted(kind, model, past, seed)
    chance = calibration(learned, later, seed)
    features, answers, _ = together([newest], MOST_ROWS, seed)
    raw = learned.score(features)
    scores = chance.apply(raw)
    ranked = auc(raw, answers)
    if ranked is None or ranked <= 0.5:
        raise BadInput(NO_BETTER, model=model.id, auc=ranked or 0.5)
    importance = _importance(learned, features[:_SHOWN], answers[:_SHOWN], names, seed, aside)
    return Trial(
        random_auc=random_auc.result(),
        temporal_auc=ranked,
        ece=ece(scores, answers),
        ece_raw=ece(raw, answers),
        brier=brier(scores, answers),
        lift=decile_lift(raw, answers),
        importance=importance,
        reliability=reliability(scores, answers),
        scores=scores,
    )


def _random_auc(kind: type[ModelKind], model: Model, parts: Sequence[Examples], seed: int) -> float | None:
    features, answers, numbers = together(parts, MOST_ROWS, seed)
    aside = arms.shares(numbers, arms.salt(f"{model.id}|{seed}")) < 0.2
    if not answers[~aside].any() or answers[~aside].all():
        return None
    learned = kind().fit(features[~aside], answers[~aside], seed=seed, options=model.options)
    return auc(learned.score(features[aside]), answers[aside])


def _importance(
    model: Fitted, features: Matrix, answers: Bools, names: Sequence[str], seed: int, aside: Executor
) -> dict[str, float]:
    """By permutation (Breiman 2001), most important first; empty when the sample has one answer only."""
    whole = auc(model.score(features), answers)
    if whole is None:
        return {}
    order = np.random.default_rng(seed).permutation(len(answers))
    columns = range(len(names))
    others = aside.submit(_without, model, features, answers, order, columns[1::2])
    without = {**_without(model, features, answers, order, columns[::2]), **others.result()}
    found = {name: round(whole - without[at], 6) for at, name in enumerate(names)}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _without(
    model: Fitted, features: Matrix, answers: Bools, order: npt.NDArray[np.int64], columns: Sequence[int]
) -> dict[int, float]:
    """The AUC that is left when one of these columns is shuffled."""
    found = {}
    mixed = np.array(features, order="F")
    for at in columns:
        mixed[:, at] = features[order, at]
        found[at] = auc(model.score(mixed), answers) or 0.0
        mixed[:, at] = features[:, at]
    return found
