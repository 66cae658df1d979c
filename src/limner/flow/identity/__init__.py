"""Identity: which identifiers belong to one customer."""

from limner.flow.identity.resolve import Resolved, resolve

__all__ = ["Resolved", "resolve"]
