"""Features: columns of a gallery version as numbers, one row per customer asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadDefinition, near, words
from limner.flow.models.base import Matrix
from limner.store.gallery.column import CONTACT
from limner.store.gallery.numeric import NUMERIC, numbers_at

if TYPE_CHECKING:
    from limner.store.gallery import Version

FEATURE_UNKNOWN = words("model_feature_unknown", "Model {model!r}: there is no column {name!r} as of {asof}.")
FEATURE_NOT_NUMERIC = words(
    "model_feature_not_numeric",
    "Model {model!r}: the column {name!r} is {type}; a feature is a number, a day or a yes.",
)
Ints = npt.NDArray[np.int64]


def feature_names(
    model: str, named: Sequence[str], versions: Sequence[Version], other: Collection[str]
) -> tuple[str, ...]:
    """The features of a model: those it names, or every numeric column that stands in all versions.

    `other` are the scores of models, which are never features of one another. A named column that a version lacks, or
    that holds no numbers, is a BadDefinition: it cannot be known at the instant of a decision.
    """
    for name in named:
        for version in versions:
            header = version.headers.get(name)
            if header is None:
                asof = version.labels.get("asof", version.name)
                raise BadDefinition(
                    FEATURE_UNKNOWN, near=near(name, version.headers), model=model, name=name, asof=asof
                )
            if header.type not in NUMERIC:
                raise BadDefinition(FEATURE_NOT_NUMERIC, model=model, name=name, type=header.type)
    if named:
        return tuple(named)
    shared = set.intersection(*({n for n, h in v.headers.items() if h.type in NUMERIC} for v in versions))
    return tuple(sorted(n for n in shared if n not in other and not n.startswith(CONTACT)))


def matrix(version: Version, names: Sequence[str], numbers: Ints, asof_day: int) -> Matrix:
    """Shape (n, f), float32: NaN where unknown, money in units, days as days before the asof.

    A date itself would be a calendar the model has never seen again; an age comes back.
    """
    made = np.empty((numbers.size, len(names)), np.float32, order="F")
    for at, name in enumerate(names):
        made[:, at] = numbers_at(version.column(name), numbers, asof_day)
    return made
