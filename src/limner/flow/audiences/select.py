"""`select`: the members of every audience, written into the version that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from limner.core.actor import Actor
from limner.core.ours import Audience
from limner.core.tell import Tell, silent
from limner.flow.audiences.base import Ground
from limner.flow.audiences.cells import table

if TYPE_CHECKING:
    from limner.store.gallery import Draft

VERSION = 1
"""Raised when the same input must give other members."""


@dataclass(frozen=True, slots=True)
class Selected:
    """How many members each audience has at the asof."""

    asof: datetime
    members: Mapping[str, int]

    def __repr__(self) -> str:
        return table(["audience", "members"], [[name, f"{size:,}"] for name, size in self.members.items()])

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per audience."""
        return [{"audience": name, "members": size} for name, size in self.members.items()]


def select(ground: Ground, draft: Draft, *, who: Actor, tell: Tell = silent) -> Selected:
    """Write the members of all audiences into a draft; `ground` reads the draft's view. No audiences: nothing.

    The members are those of the whole house: an actor's scope is applied when they are counted or listed, so `who` is
    only named here as every verb names it.
    """
    wanted = sorted(ground.definitions.of(Audience))
    sizes: dict[str, int] = {}
    for done, name in enumerate(wanted):
        tell(done, len(wanted), f"audience {name}")
        members = ground.members(name)
        draft.put_members(name, members.copy(), ground.mark(name))
        sizes[name] = len(members)
    tell(len(wanted), len(wanted), "audiences")
    return Selected(ground.asof, sizes)
