"""Learning inside a run: models get the snapshots they train on, and write their scores into the draft."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from limner.app.grounds import kept_apart
from limner.app.privacy.purposes import model_bounds
from limner.app.snapshots import for_models
from limner.core.ours import Model
from limner.flow.models.examples import Past, Snapshot
from limner.flow.models.learn import learn, past_instants
from limner.maths.arms import salt

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.gallery import Draft


def learn_all(shop: Workspace, draft: Draft, asof: datetime, links: str) -> dict[str, str]:
    """Learn every model at an asof; each and whether it was learned or refused. No models: nothing.

    The snapshots a model learns from are portraits of the past that hold its features, built where they are not there.
    Chance hangs on the asof alone, so that the same run gives the same scores.
    """
    from limner.app.running import snapshot

    if not shop.definitions.of(Model):
        return {}
    instants = past_instants(shop.definitions, asof, shop.settings.zone)
    wanted = for_models(shop.definitions, draft.headers)
    snapshots = tuple(Snapshot(at, snapshot(shop, at, wanted)) for at in instants)
    past = Past(snapshots, links, kept_apart(shop, links), model_bounds(shop, draft, links, asof))
    found = learn(
        shop.stores,
        shop.definitions,
        draft,
        past,
        who=shop.who,
        asof=asof,
        rng=np.random.default_rng(salt(asof.isoformat())),
        tell=shop.tell,
    )
    return found.states
