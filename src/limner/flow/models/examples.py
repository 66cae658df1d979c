"""Examples to learn from: features as known at past instants, answers from what came after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from limner.core.errors import NotFound, words
from limner.core.purposes import ANY
from limner.core.spans import day_of
from limner.flow.models.base import Bools, Matrix
from limner.flow.models.features import matrix
from limner.maths.asof_training import Slice
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.core.ours import Model
    from limner.store.gallery import Version
    from limner.store.stores import Stores

SNAPSHOT_MISSING = words("model_snapshot_missing", "Model {model!r} needs the portrait as of {asof}. Build it first.")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A gallery version with traits and tags as they were known at a past instant."""

    asof: datetime
    version: Version


@dataclass(frozen=True, slots=True)
class Bound:
    """What the purposes of a model ask for: whom it may not learn from or score, the columns it may not read, and what
    stands on its card: the purposes it may be used for and those whose consent it stands on."""

    apart: BitMap = field(default_factory=BitMap)
    barred: frozenset[str] = frozenset()
    purposes: tuple[str, ...] = (ANY,)
    needs: tuple[str, ...] = ()


UNBOUND: Final = Bound()


@dataclass(frozen=True, slots=True)
class Past:
    """What is handed in to learn from: the snapshots, and the version of the links labels are read through (default:
    the published one). Nobody learns from customers who are `apart`, and they get no score; `bounds` say the same of
    single models."""

    snapshots: tuple[Snapshot, ...]
    links: str | None = None
    apart: BitMap = field(default_factory=BitMap)
    bounds: Mapping[str, Bound] = field(default_factory=dict)

    def bound(self, model: str) -> Bound:
        """What the purposes of a model ask for."""
        return self.bounds.get(model, UNBOUND)

    def at(self, asof: datetime, model: str) -> Version:
        """The snapshot of an instant, without those the model may not learn from; NotFound when nobody built it."""
        for snapshot in self.snapshots:
            if snapshot.asof == asof:
                return snapshot.version.without(self.apart | self.bound(model).apart)
        raise NotFound(SNAPSHOT_MISSING, model=model, asof=asof.isoformat())


@dataclass(frozen=True, slots=True)
class Examples:
    """The living customers of one slice: their numbers (n,), features (n, f) and answers (n,)."""

    slice: Slice
    numbers: Ints
    features: Matrix
    answers: Bools

    @property
    def positives(self) -> int:
        """How many answers are yes."""
        return int(self.answers.sum())

    @property
    def rate(self) -> float | None:
        """Share of yes; None without customers."""
        return self.positives / self.answers.size if self.answers.size else None


def living(version: Version) -> Ints:
    """The numbers of the customers alive in a version, ascending."""
    return np.fromiter(version.living, np.int64, len(version.living))


def examples(stores: Stores, model: Model, past: Past, slice_: Slice, names: Sequence[str]) -> Examples:
    """Features of everybody alive at the slice's asof, and whether the event followed before its end."""
    version = past.at(slice_.asof, model.id)
    versions = {"links": past.links} if past.links else {}
    numbers = living(version)
    question = statement("limner.flow.models", "labels.sql", event=model.event, since=slice_.asof, until=slice_.until)
    reached = stores.lake.table(question, versions=versions)["number"].to_numpy()
    day = day_of(slice_.asof, stores.settings.zone)
    return Examples(slice_, numbers, matrix(version, names, numbers, day), np.isin(numbers, reached))


def together(parts: Sequence[Examples], most: int, seed: int) -> tuple[Matrix, Bools, Ints]:
    """The rows of several slices as one table, features, answers and numbers; a uniform sample above `most` rows.

    The sample takes yes and no alike, so that scores keep their meaning.
    """
    features = np.concatenate([part.features for part in parts])
    answers = np.concatenate([part.answers for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    if answers.size <= most:
        return features, answers, numbers
    chosen = np.sort(np.random.default_rng(seed).choice(answers.size, most, replace=False))
    return features[chosen], answers[chosen], numbers[chosen]
