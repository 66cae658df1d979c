"""Rules taken apart: a count at every node, where people drop, about how many."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from limner.app.asking import ground_at
from limner.app.grounds import portrait_of
from limner.flow.audiences.estimate import Estimate, estimate
from limner.flow.audiences.nodes import Funnel, Nodes, funnel, nodes

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

Asof = str | datetime | None


def audience_explain(shop: Workspace, rule: str, asof: Asof = None, *, question: str | None = None) -> Nodes:
    """The tree of a rule with a count at every node."""
    found = portrait_of(shop, asof)
    with shop.questions.asked(shop.who.id, question) as stop:
        ground = ground_at(shop, found.version, found.links, found.asof, stop)
        return nodes(ground, rule, who=shop.who, least=shop.settings.privacy.least_group)


def audience_funnel(shop: Workspace, rule: str, asof: Asof = None, *, question: str | None = None) -> Funnel:
    """Where people drop: the conditions of a rule one after the other."""
    found = portrait_of(shop, asof)
    with shop.questions.asked(shop.who.id, question) as stop:
        ground = ground_at(shop, found.version, found.links, found.asof, stop)
        return funnel(ground, rule, who=shop.who, least=shop.settings.privacy.least_group)


def audience_estimate(
    shop: Workspace, rule: str, asof: Asof = None, *, seed: int = 0, question: str | None = None
) -> Estimate:
    """About how many, with an interval, from a part of the customers; `seed` draws the part."""
    found = portrait_of(shop, asof)
    with shop.questions.asked(shop.who.id, question) as stop:
        ground = ground_at(shop, found.version, found.links, found.asof, stop)
        return estimate(ground, rule, who=shop.who, seed=seed, least=shop.settings.privacy.least_group)
