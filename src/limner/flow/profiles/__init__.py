"""Profiles: what is known of each customer beside tags: traits, addresses, reach."""

from limner.flow.profiles.build import Built, build

__all__ = ["Built", "build"]
