"""The one table of verbs: the command line, Python and HTTP get the same words from it. A module per theme."""

from __future__ import annotations

from limner.app.verbs import (
    audiences,
    campaigns,
    definitions,
    identity,
    intake,
    portraits,
    privacy,
    selectors,
    server,
    tags,
    taxonomies,
)
from limner.app.verbs.base import Argument, Verb

__all__ = ["VERBS", "Argument", "Verb", "find"]

VERBS: tuple[Verb, ...] = (
    *definitions.VERBS,
    *intake.VERBS,
    *portraits.VERBS,
    *tags.VERBS,
    *audiences.VERBS,
    *selectors.VERBS,
    *taxonomies.VERBS,
    *privacy.VERBS,
    *identity.VERBS,
    *campaigns.VERBS,
    *server.VERBS,
)
"""Every verb, in the order of help."""


def find(name: str) -> Verb:
    """The verb of that name."""
    return next(verb for verb in VERBS if verb.name == name)
