"""The contract of a model kind: it learns a score from a table of features and answers, and gives it for others.

The station does the rest, the same for every kind: training sets as of past instants, calibration on a later one, a
test on the newest, the card, the column. A kind never sees a customer number or an instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from limner.core.registry import Registry

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Fitted(Protocol):
    """A kind that has learned."""

    def score(self, features: Matrix) -> Floats:
        """Raw scores in [0, 1], higher for likelier: shape (n, f) to shape (n,). Unknown features are NaN."""
        ...


class ModelKind(Protocol):
    """A way to learn. `libraries` are the packages whose versions belong on the card."""

    libraries: ClassVar[tuple[str, ...]]

    def fit(self, features: Matrix, answers: Bools, *, seed: int, options: Mapping[str, object]) -> Fitted:
        """Learn from shape (n, f) features and shape (n,) answers; the same seed gives the same scores."""
        ...


MODEL_KINDS: Registry[type[ModelKind]] = Registry("model kind", "limner.flow.models", "limner.model_kinds")
model_kind = MODEL_KINDS.kind
