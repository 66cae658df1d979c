"""The definition of a matching: which traits play which role, where records meet, and what is proposed or accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from limner.core.definition import definition
from limner.core.errors import BadDefinition, near, words

_NAME = ("name", "sound", "name_turned")
_BIRTH = ("birth_date", "birth_year", "birth_day")
KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "name": ("surname", "surname_sound", "given_name", "given_name_sound", *_NAME),
    "surname": ("surname", "surname_sound", *_NAME),
    "given_name": ("given_name", "given_name_sound", *_NAME),
    "birth_date": _BIRTH,
    "gender": ("gender",),
    "city": ("city",),
    "address": ("address", "house", "road"),
    "phone": ("phone", "phone_tail", "phone_ends"),
    "id_card": ("id_card", "id_card_tail", "gender", *_BIRTH),
    "email": ("email", "email_name"),
})  # fmt: skip
"""The keys a role gives, by which records can meet."""

RULES: tuple[tuple[str, ...], ...] = (
    ("id_card",), ("id_card_tail", "birth_year"), ("id_card_tail", "sound"), ("phone_ends",), ("email",),
    ("sound", "birth_year"), ("given_name_sound", "birth_date"), ("surname_sound", "birth_date"),
    ("sound", "house"), ("sound", "city"), ("sound", "phone_tail"), ("birth_date", "phone_tail"),
    ("birth_date", "house"), ("birth_date", "city"), ("house", "road", "birth_year"), ("birth_day", "sound"),
    ("given_name_sound", "house"), ("sound",), ("name_turned",), ("email_name",), ("birth_date",),
    ("phone_tail", "surname_sound"), ("phone_tail", "birth_year"), ("phone_tail", "city"), ("id_card_tail", "city"),
    ("given_name", "city"), ("house", "road"), ("given_name",), ("surname",),
)  # fmt: skip
"""Rules from narrow to wide; each is used where its keys are known and it costs no more than its share of pairs."""

NO_RULE = words(
    "matching_no_rule",
    "matching {name!r}: its traits give no blocking rule, so no two records would be compared. State `blocking`; keys "
    "known here: {known}.",
)
UNKNOWN_KEY = words(
    "matching_key_unknown",
    "matching {name!r}: records cannot meet by {key!r}, which no trait in it gives. Known here: {known}.",
)
BAD_SHARE = words(
    "matching_share_bad", "matching {name!r}: {field} is {value}, it must be a probability above 0 and at most 1."
)
BAD_ROLE = words("matching_role_unknown", "matching {name!r}: there is no role {role!r}. Known: {known}.")
BELOW_PROPOSED = words(
    "matching_accept_below_propose",
    "matching {name!r}: accept_above is {accept}, below propose_above, which is {propose}. Raise accept_above.",
)


@definition("matching")
@dataclass(frozen=True, slots=True)
class Matching:
    """How customers are compared by what they state. Without `accept_above` nothing is accepted by itself.

    `roles` says which trait plays which role (`name`, `birth_date`, `phone`, …); several traits are read as one text;
    `identifier:KIND` stands for the keyed hash of an identifier. `codes` and `texts` are traits compared as they are:
    exactly but for a slip, or by likeness. `blocking` lists rules of keys; without any, the matcher's own are taken.
    """

    id: str
    matcher: str = "persons"
    name: str = ""
    roles: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    blocking: tuple[tuple[str, ...], ...] = ()
    propose_above: float = 0.5
    accept_above: float | None = None
    crowd: int = 200
    most: int = 10_000
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Every column to compare and the traits it is read from."""
        found = {role: (traits,) if isinstance(traits, str) else tuple(traits) for role, traits in self.roles.items()}
        codes, texts = ({f"{kind}:{trait}": (trait,) for trait in named} for kind, named in
                        (("code", self.codes), ("text", self.texts)))  # fmt: skip
        return {**found, **codes, **texts}

    def __post_init__(self) -> None:
        for role in self.roles:
            if role not in KEYS:
                raise BadDefinition(BAD_ROLE, near=near(role, KEYS), name=self.id, role=role, known=", ".join(KEYS))
        known = {key for column in self.columns for key in KEYS.get(column, (column,))}
        for key in (key for rule in self.blocking for key in rule):
            if key not in known:
                among = ", ".join(sorted(known)) or "-"
                raise BadDefinition(UNKNOWN_KEY, near=near(key, known), name=self.id, key=key, known=among)
        rules = (*self.blocking, *RULES, *((f"code:{code}",) for code in self.codes))
        if self.columns and not any(set(rule) <= known for rule in rules):
            raise BadDefinition(NO_RULE, name=self.id, known=", ".join(sorted(known)))
        shares = {"propose_above": self.propose_above, "accept_above": self.accept_above}
        for name, value in shares.items():
            if value is not None and not 0.0 < value <= 1.0:
                raise BadDefinition(BAD_SHARE, name=self.id, field=name, value=value)
        if self.accept_above is not None and self.accept_above < self.propose_above:
            raise BadDefinition(BELOW_PROPOSED, name=self.id, accept=self.accept_above, propose=self.propose_above)
