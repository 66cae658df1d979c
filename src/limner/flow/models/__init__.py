"""Station 5: models. `learn` makes a score column and a card of each model, without a look into the future."""

from limner.flow.models.base import MODEL_KINDS, Fitted, ModelKind, model_kind
from limner.flow.models.examples import Past, Snapshot
from limner.flow.models.learn import VERSION, Learned, learn, past_instants

__all__ = [
    "MODEL_KINDS",
    "VERSION",
    "Fitted",
    "Learned",
    "ModelKind",
    "Past",
    "Snapshot",
    "learn",
    "model_kind",
    "past_instants",
]
