"""`select`: the members of every audience, written into the version that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from limner.core.actor import Actor
from limner.core.errors import Lacking
from limner.core.tell import Tell, silent
from limner.flow.audiences.base import Ground
from limner.flow.audiences.cells import table

if TYPE_CHECKING:
    from limner.store.gallery import Draft

VERSION = 1
"""Raised when the same input must give other members."""


@dataclass(frozen=True, slots=True)
class Selected:
    """How many members each audience has at the asof, and why others could not be selected."""

    asof: datetime
    members: Mapping[str, int]
    refused: Mapping[str, Lacking] = field(default_factory=dict)

    def __repr__(self) -> str:
        return table(["audience", "members"], [[name, f"{size:,}"] for name, size in self.members.items()])

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per audience."""
        return [{"audience": name, "members": size} for name, size in self.members.items()]


def select(ground: Ground, draft: Draft, *, who: Actor, tell: Tell = silent) -> Selected:
    """Write the members of all audiences into a draft, each after those its rule names; `ground` reads the draft's
    view. No audiences: nothing. One that the facts do not carry has no members written and is refused, as are those
    that stand on it; the others are selected.

    The members are those of the whole house: an actor's scope is applied when they are counted or listed, so `who` is
    only named here as every verb names it.
    """
    wanted = ground.in_order()
    sizes: dict[str, int] = {}
    refused: dict[str, Lacking] = {}
    for done, name in enumerate(wanted):
        tell(done, len(wanted), f"audience {name}")
        try:
            members = ground.members(name)
        except Lacking as why:
            refused[name] = why
            continue
        draft.put_members(name, members.copy(), ground.mark(name))
        sizes[name] = len(members)
    tell(len(wanted), len(wanted), "audiences")
    return Selected(ground.asof, dict(sorted(sizes.items())), dict(sorted(refused.items())))
