"""How well a score ranks: area under the ROC curve, and lift by deciles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words

SCORES_UNEVEN = words("scores_uneven", "{scores} scores do not go with {answers} answers.")


def auc(scores: npt.ArrayLike, answers: npt.ArrayLike) -> float | None:
    """The chance that a yes scores above a no, ties counting half; None when all answers are alike.

    `scores` shape (n,), `answers` shape (n,) of noughts and ones. Method: Mann-Whitney by mean ranks.

    >>> auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    score, answer = pair(scores, answers)
    yes = int(answer.sum())
    no = answer.size - yes
    if not yes or not no:
        return None
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(size) - (size - 1) / 2
    return float((rank[group][answer].sum() - yes * (yes + 1) / 2) / (yes * no))


def decile_lift(scores: npt.ArrayLike, answers: npt.ArrayLike, parts: int = 10) -> tuple[float, ...]:
    """Rate of yes in each tenth of the customers, best scores first, divided by the overall rate.

    Equal scores share their rate over the tenths they span, so ties have no order. Empty without a single yes.

    >>> decile_lift(range(20), [0] * 18 + [1, 1])[:2]
    (10.0, 0.0)
    """
    score, answer = pair(scores, answers)
    if not answer.any():
        return ()
    _, group, size = np.unique(-score, return_inverse=True, return_counts=True)
    yes = np.bincount(group, weights=answer)
    places = np.linspace(0, answer.size, parts + 1)
    reached = np.interp(places, np.r_[0, np.cumsum(size)], np.r_[0, np.cumsum(yes)])
    return tuple(float(rate) for rate in np.diff(reached) / np.diff(places) / answer.mean())


def pair(scores: npt.ArrayLike, answers: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Scores and answers as arrays of one length; `BadInput` when they are not."""
    score, answer = np.asarray(scores, dtype=np.float64), np.asarray(answers, dtype=np.bool_)
    if score.shape != answer.shape:
        raise BadInput(SCORES_UNEVEN, scores=score.size, answers=answer.size)
    return score, answer
