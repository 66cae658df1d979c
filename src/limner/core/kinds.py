"""The kinds of identifier and what each can be trusted with: the shipped table, and what a workspace says of its own.

The table and the meaning of every field stand in `identifiers.toml`; a workspace adds a kind, or changes a shipped one,
with a file in its folder `identifiers/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

from limner.core.definition import definition

Strength = Literal["authoritative", "strong", "weak", "device", "never"]
STRENGTHS: Final[tuple[Strength, ...]] = ("authoritative", "strong", "weak", "device", "never")
"""The trust classes, most trusted first; their place is the code arrays hold."""
Form = Literal["phone", "email", "id_card", "text", "token"]

_UNKNOWN_RANK: Final = 60


@dataclass(frozen=True, slots=True)
class IdentifierKind:
    """What a kind of identifier can be trusted with; see `identifiers.toml` for each field."""

    name: str
    rank: int
    strength: Strength = "strong"
    form: Form = "text"
    is_person: bool = False
    is_address: bool = False
    is_verified: bool = False
    is_platform: bool = False
    changes_hands: bool = False

    @property
    def is_single(self) -> bool:
        """Whether a customer has one value of it: two different ones are two customers."""
        return self.strength == "authoritative" or self.is_verified

    @property
    def is_owner(self) -> bool:
        """Whether it says who held an identifier that changes hands: an issued number, no address and no account."""
        is_issued = self.strength == "strong" and self.form in ("text", "token") and self.is_person
        return self.is_single or (is_issued and not self.is_platform and not self.changes_hands)


@definition("identifiers")
@dataclass(frozen=True, slots=True)
class IdentifierRule:
    """What a workspace says of a kind of identifier, by its name; what it leaves out stays as shipped.

    Of a kind that is not shipped, what is left out is as for any unknown name: a person's strong text identifier.
    """

    id: str
    name: str = ""
    description: str = ""
    strength: Strength | None = None
    form: Form | None = None
    rank: int | None = None
    is_person: bool | None = None
    is_address: bool | None = None
    is_verified: bool | None = None
    is_platform: bool | None = None
    changes_hands: bool | None = None


_ROWS: Final[dict[str, Any]] = tomllib.loads(
    resources.files("limner.core").joinpath("identifiers.toml").read_text("utf-8")
)["kinds"]
KINDS: Final = MappingProxyType({name: IdentifierKind(name, **row) for name, row in _ROWS.items()})
"""The kinds of `identifiers.toml`, by name."""
_SAID: Final = tuple(f.name for f in fields(IdentifierKind) if f.name != "name")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds a workspace knows: the shipped ones, and those it has declared or changed."""

    own: Mapping[str, IdentifierKind] = field(default_factory=dict)

    def of(self, name: str) -> IdentifierKind:
        """The kind of that name; one we do not know is a person's strong text identifier, ranked after the known.

        >>> Kinds().of("phone").is_address, Kinds().of("yhd_nick").form
        (True, 'text')
        """
        found = self.own.get(name) or KINDS.get(name)
        return found or IdentifierKind(name, _UNKNOWN_RANK, is_person=True)


SHIPPED: Final = Kinds()
"""The kinds of a workspace that declares none."""


def kinds_of(rules: Mapping[str, IdentifierRule]) -> Kinds:
    """The kinds with what a workspace says of them.

    >>> kinds_of({"member_no": IdentifierRule("member_no", strength="strong")}).of("member_no").rank
    10
    """
    own = {}
    for name, rule in rules.items():
        said = {part: getattr(rule, part) for part in _SAID if getattr(rule, part) is not None}
        own[name] = replace(SHIPPED.of(name), **said)
    return Kinds(MappingProxyType(own))


def identifier_kind(name: str) -> IdentifierKind:
    """The shipped kind of that name, or what is taken of an unknown one."""
    return SHIPPED.of(name)
