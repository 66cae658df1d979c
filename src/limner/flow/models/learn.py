"""`learn`: models become score columns, each with its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.core.actor import Actor
from limner.core.errors import BadInput
from limner.core.ours import Model
from limner.core.spans import day_of
from limner.core.tell import Tell, silent
from limner.flow.models.base import MODEL_KINDS, Fitted, Floats, Matrix, ModelKind
from limner.flow.models.card import Used, card, identity, versions_of
from limner.flow.models.examples import Examples, Past, examples, living
from limner.flow.models.features import feature_names, matrix
from limner.flow.models.purchases import HISTORY_KINDS, purchases
from limner.flow.models.reasons import kept
from limner.flow.models.trial import attempt, calibration, check, fitted
from limner.maths.arms import salt
from limner.maths.asof_training import slices, split
from limner.maths.calibration import Calibration

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.gallery import Draft, Version
    from limner.store.stores import Stores

VERSION = 1
"""Raised when the same input must give another answer."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a learning run made: the card of each model, learned or refused."""

    asof: datetime
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def states(self) -> dict[str, str]:
        """Each model and whether it was learned or refused."""
        return {name: str(found["state"]) for name, found in self.cards.items()}

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per model."""
        return [
            {
                "model": name,
                "state": found["state"],
                "reason": found.get("reason", ""),
                "auc_random": found.get("auc", {}).get("random"),
                "auc_temporal": found.get("auc", {}).get("temporal"),
                "ece": found.get("ece"),
            }
            for name, found in self.cards.items()
        ]


def past_instants(definitions: Definitions, asof: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """The asofs at which snapshots are needed to learn every model at `asof`, oldest first."""
    models = [m for m in definitions.of(Model).values() if not _reads_histories(m.kind)]
    return tuple(sorted({s.asof for m in models for s in slices(asof, m.horizon, m.snapshots, zone)}))


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every model of a run stands on; `others` are the models' own columns."""

    stores: Stores
    draft: Draft
    today: Version
    past: Past
    others: frozenset[str]
    asof: datetime


def learn(
    stores: Stores,
    definitions: Definitions,
    draft: Draft,
    past: Past,
    *,
    who: Actor,
    asof: datetime,
    rng: np.random.Generator,
    tell: Tell = silent,
) -> Learned:
    """Learn every model; write its score of everybody alive and its card into the draft.

    `past` holds the portraits at `past_instants`, and whom to leave out, of all models or of one whose purposes a
    customer's word does not cover; features of today come from the draft.
    Nothing at or after `asof` is read. A model the data cannot carry writes no column: its card says refused, and why.
    A model's seed hangs on `rng` and its own id, so that another model beside it changes nothing. No models: nothing
    is written.
    """
    models = dict(sorted(definitions.of(Model).items()))
    if not models:
        return Learned(asof)
    base = int(rng.integers(2**62))
    today = draft.view(asof=asof.isoformat()).without(past.apart)
    desk = _Desk(stores, draft, today, past, frozenset(models), asof)
    cards: dict[str, Mapping[str, Any]] = {}
    for done, (name, model) in enumerate(models.items()):
        tell(done, len(models), f"learn {name}")
        try:
            found = _one(desk, model, (base ^ salt(name)) % 2**31)
        except BadInput as refusal:
            refused = {"state": "refused", "code": refusal.code, "reason": str(refusal)}
            found = identity(model, asof, past.bound(name)) | refused
        draft.put_card(name, found)
        cards[name] = found
    tell(len(models), len(models), "learn")
    return Learned(asof, cards)


def _one(desk: _Desk, model: Model, seed: int) -> dict[str, Any]:
    """Learn one model, write its column, and give its card. BadInput when the data cannot carry it."""
    if _reads_histories(model.kind):
        return _foreseen(desk, model)
    kind, asof, zone = MODEL_KINDS.find(model.kind), desk.asof, desk.stores.settings.zone
    steps = split(slices(asof, model.horizon, model.snapshots, zone), asof).all
    bound = desk.past.bound(model.id)
    current = desk.today.without(bound.apart)
    portraits = [desk.past.at(step.asof, model.id) for step in steps]
    names = feature_names(model.id, model.features, [*portraits, current], desk.others | bound.barred)
    parts = [examples(desk.stores, model, desk.past, step, names) for step in steps]
    check(model, parts, names)
    numbers = living(current)
    today = matrix(current, names, numbers, day_of(asof, zone))
    with ThreadPoolExecutor(1, "learn") as aside:
        scored = aside.submit(_scored, kind, model, parts[1:], today, seed)
        trial = attempt(kind, model, parts, names, seed, aside)
        used, chance, found = scored.result()
    scores = np.full(desk.draft.size, np.nan, np.float32)
    scores[numbers] = found
    desk.draft.put(model.id, scores, type="float", asof=asof.isoformat())
    desk.draft.put_fit(model.id, kept(used, chance, names))
    made = Used(chance, scores[numbers].astype(np.float64), seed, bound)
    return card(model, kind, asof, parts, trial, made)


def _reads_histories(kind: str) -> bool:
    return kind in dict(HISTORY_KINDS)


def _foreseen(desk: _Desk, model: Model) -> dict[str, Any]:
    """Learn a model of purchase histories, write its columns, and give its card."""
    kind = HISTORY_KINDS.find(model.kind)
    bound = desk.past.bound(model.id)
    current = desk.today.without(bound.apart)
    past = purchases(desk.stores, model, desk.past.links, living(current), desk.asof)
    found = kind().foresee(model, past)
    for name, values in found.columns.items():
        column = np.full(desk.draft.size, np.nan, np.float32)
        column[found.numbers] = values
        desk.draft.put(f"{model.id}.{name}" if name else model.id, column, type="float", asof=desk.asof.isoformat())
    return {
        **identity(model, desk.asof, bound),
        "state": "learned",
        "customers": len(found.numbers),
        **found.card,
        "libraries": versions_of(kind.libraries),
    }


def _scored(
    kind: type[ModelKind], model: Model, parts: Sequence[Examples], today: Matrix, seed: int
) -> tuple[Fitted, Calibration, Floats]:
    """Fitted on all but the last slice, calibrated on it: the model, the calibration, and today's scores."""
    used = fitted(kind, model, parts[:-1], seed)
    chance = calibration(used, parts[-1], seed)
    return used, chance, chance.apply(used.score(today))
