"""The words a rule may use: tags, events, properties and audiences, each by its id or by a display name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

from limner.core.rule.tree import Rule

Type: TypeAlias = Literal["int", "float", "money", "bool", "text", "day", "instant"]


@dataclass(frozen=True, slots=True)
class TagWord:
    """A tag, trait or score: a column of the gallery. `names` are its other names, also Chinese."""

    id: str
    type: Type
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertyWord:
    """A property of events; `id` is the column of the lake's table."""

    id: str
    type: Type
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventWord:
    """An event name as it is stored."""

    id: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AudienceWord:
    """An audience; `rule` is None when another selector makes its members."""

    id: str
    rule: Rule | None = None
    names: tuple[str, ...] = ()


class Word(Protocol):
    """What all words have."""

    @property
    def id(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...


W = TypeVar("W", bound=Word)

EVENT_COLUMNS: Final = (
    PropertyWord("amount", "money", ("金额",)),
    PropertyWord("quantity", "money", ("数量", "件数")),
    PropertyWord("category", "text", ("类目", "品类")),
    PropertyWord("item_id", "text", ("item", "商品", "商品编号")),
    PropertyWord("order_id", "text", ("order", "订单号")),
    PropertyWord("via", "text", ("渠道",)),
    PropertyWord("source", "text", ("来源",)),
    PropertyWord("session", "text", ("会话",)),
    PropertyWord("currency", "text", ("币种",)),
    PropertyWord("hour", "int", ("时", "小时")),
)
"""The columns every event has."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words known to a workspace. With no events given, any event name passes as it is written.

    `seen` answers the event names that have ever arrived; it is asked for a name that is not among `events`.
    """

    tags: tuple[TagWord, ...] = ()
    events: tuple[EventWord, ...] = ()
    audiences: tuple[AudienceWord, ...] = ()
    properties: tuple[PropertyWord, ...] = EVENT_COLUMNS
    zone: tzinfo = UTC
    seen: Callable[[], Collection[str]] | None = field(default=None, compare=False, repr=False)
    _found: dict[str, Mapping[str, tuple[Word, ...]]] = field(default_factory=dict, compare=False, repr=False)

    def words(self, sort: Literal["tags", "events", "audiences", "properties"]) -> Mapping[str, tuple[Word, ...]]:
        """Every id and name of one sort, folded to lower case, with the words it may mean."""
        if sort not in self._found:
            self._found[sort] = by_name(getattr(self, sort))
        return self._found[sort]


def by_name(among: Iterable[W]) -> dict[str, tuple[W, ...]]:
    """Words by id and by name; an id hides equal names of other words.

    >>> by_name([TagWord("orders", "int", ("订单数",))])["订单数"][0].id
    'orders'
    """
    kept = list(among)
    named: dict[str, tuple[W, ...]] = {}
    for word in kept:
        for name in {n.casefold() for n in word.names if n}:
            named[name] = (*named.get(name, ()), word)
    return named | {word.id.casefold(): (word,) for word in kept}
