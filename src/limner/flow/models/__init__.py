"""Station 5: models. `learn` makes a score column and a card of each model, without a look into the future."""

from limner.flow.models.base import MODEL_KINDS, Fitted, ModelKind, model_kind
from limner.flow.models.examples import Past, Snapshot
from limner.flow.models.learn import VERSION, Learned, learn, past_instants
from limner.flow.models.purchases import HISTORY_KINDS, HistoryKind, history_kind, kind_named

__all__ = [
    "HISTORY_KINDS",
    "MODEL_KINDS",
    "VERSION",
    "Fitted",
    "HistoryKind",
    "Learned",
    "ModelKind",
    "Past",
    "Snapshot",
    "history_kind",
    "kind_named",
    "learn",
    "model_kind",
    "past_instants",
]
