"""Who asks: every verb takes an `Actor`, and answers only for the customers in its scope."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or process at our keyboard, with roles and a scope.

    `scope` holds the customer numbers this actor may see; None means all of them. It is any container of integers with
    set algebra, in practice a roaring bitmap. `roles` are names such as `analyst`, `marketer`, `personal` (may see
    personal columns), `approver`.

    >>> OWNER.may("personal")
    True
    """

    id: str
    roles: frozenset[str] = frozenset()
    scope: Container[int] | None = None

    def may(self, role: str) -> bool:
        """Whether the actor has a role; the owner has all of them."""
        return "owner" in self.roles or role in self.roles


OWNER = Actor("owner", frozenset({"owner"}))
"""The operator of a workspace on their own machine."""
