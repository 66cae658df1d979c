"""Propensity: the chance of an event within a horizon, by histogram gradient boosting."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadDefinition, near, words
from limner.flow.models.base import Bools, Fitted, Floats, Matrix, model_kind
from limner.maths.extras import need
from limner.maths.forest import Forest, Tree

UNKNOWN_OPTION = words("model_option_unknown", "A propensity model has no option {name!r}. Known: {known}.")
BAD_OPTION = words("model_option_bad", "The model option {name} is {value!r}, it must be a number of at least {least}.")

_DEFAULTS: Final[Mapping[str, float]] = {
    "max_iter": 100,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 50,
    "l2_regularization": 1.0,
}
_CHUNK: Final = 1 << 15
"""Customers scored at once: a tree finds the few columns it reads of so many in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Boosted:
    """Boosted trees that have learned, from the columns in `kept`."""

    trees: Any
    kept: npt.NDArray[np.int64]

    def score(self, features: Matrix) -> Floats:
        """Chance of a yes, a block of customers at a time."""
        with _one_thread():
            blocks = [self._chance(features[i : i + _CHUNK]) for i in range(0, len(features), _CHUNK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def forest(self) -> Forest:
        """The trees, by the columns they were handed."""
        trees = [Tree(*_nodes(tree.nodes, self.kept)) for [tree] in self.trees._predictors]
        return Forest(float(np.ravel(self.trees._baseline_prediction)[0]), tuple(trees))

    def _chance(self, block: Matrix) -> Floats:
        return np.asarray(self.trees.predict_proba(np.asfortranarray(block[:, self.kept]))[:, 1])


def _nodes(nodes: Any, kept: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
    """The nodes of a tree of the library's, by column."""
    whole = [nodes[name].astype(np.int64) for name in ("left", "right")]
    sides = [nodes[name].astype(np.bool_) for name in ("missing_go_to_left", "is_leaf")]
    feature = kept[nodes["feature_idx"].astype(np.int64)]
    return (feature, nodes["num_threshold"].astype(np.float64), *whole, *sides, nodes["value"].astype(np.float64))


@model_kind("propensity")
class Propensity:
    """scikit-learn's `HistGradientBoostingClassifier` (after Ke 2017, LightGBM) without early stopping.

    `options` of the definition may set max_iter, learning_rate, max_leaf_nodes, min_samples_leaf, l2_regularization.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn", "numpy")

    def fit(self, features: Matrix, answers: Bools, *, seed: int, options: Mapping[str, object]) -> Fitted:
        """Learn; an option that is unknown or not a number is a BadDefinition."""
        for name, value in options.items():
            if name not in _DEFAULTS:
                known = ", ".join(_DEFAULTS)
                raise BadDefinition(UNKNOWN_OPTION, near=near(name, _DEFAULTS), name=name, known=known)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise BadDefinition(BAD_OPTION, name=name, value=value, least=0)
        ensemble = need("sklearn.ensemble", extra="ml")
        trees = ensemble.HistGradientBoostingClassifier(
            random_state=seed, early_stopping=False, **{**_DEFAULTS, **options}
        )
        kept = _varying(features)
        with _one_thread():
            return Boosted(trees.fit(features[:, kept], answers), kept)


def _one_thread() -> AbstractContextManager[object]:
    """Keep the library to the thread that asks: fits run beside one another, and its threads wait for each other at
    every node of a tree, which takes many times as long on a machine that has something else to do."""
    limits: AbstractContextManager[object] = need("threadpoolctl", extra="ml").threadpool_limits(1, user_api="openmp")
    return limits


def _varying(features: Matrix) -> npt.NDArray[np.int64]:
    """The columns with at least two different known values: from the others nothing can be learned."""
    low = np.fmin.reduce(features, axis=0)
    high = np.fmax.reduce(features, axis=0)
    return np.flatnonzero(low < high)
