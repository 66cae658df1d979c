"""Audiences beside one another: their parts, their layers, and what one more of them earns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from limner.app.asking import ground_at
from limner.app.grounds import portrait_of
from limner.core.errors import BadInput, words
from limner.core.normal import amount
from limner.flow.audiences.layers import Layers, layers
from limner.flow.audiences.venn import Venn, venn
from limner.flow.audiences.worth import Worth, worth

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.audiences.base import Ground

BAD_COST = words("worth_cost_bad", "The fixed cost is {value!r}, it must be an amount of 0 or more, such as 500.")

Asof = str | datetime | None


def audience_venn(shop: Workspace, rules: Sequence[str], asof: Asof = None) -> Venn:
    """Two to four audiences cut into all their parts."""
    return venn(_ground(shop, asof), list(rules), who=shop.who, least=shop.settings.privacy.least_group)


def audience_layers(shop: Workspace, asof: Asof = None) -> Layers:
    """The layers of audiences: coverage, overlap, and the tree."""
    return layers(_ground(shop, asof), who=shop.who, least=shop.settings.privacy.least_group)


def audience_worth(
    shop: Workspace,
    rules: Sequence[str],
    asof: Asof = None,
    *,
    values: Sequence[str] = (),
    cost: str = "0",
    greedy: bool = False,
) -> Worth:
    """What each audience adds to a policy that gives every audience its best action, less a fixed cost each."""
    told = amount(str(cost)).value
    if told is None or told < 0:
        raise BadInput(BAD_COST, value=cost)
    least, ground = shop.settings.privacy.least_group, _ground(shop, asof)
    return worth(ground, list(rules), list(values), cost=told, who=shop.who, is_greedy=greedy, least=least)


def _ground(shop: Workspace, asof: Asof) -> Ground:
    found = portrait_of(shop, asof)
    return ground_at(shop, found.version, found.links, found.asof)
