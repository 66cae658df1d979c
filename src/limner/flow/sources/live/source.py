"""A live source as the sources of its sorts of rows: what is said live is loaded as a file would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from limner.core.errors import BadDefinition, near, words
from limner.flow.sources.base import CHUNK_ROWS, Chunk, ReadOptions
from limner.flow.sources.definition import ConsentMap, EventMap, Field, LineMap, LiveMap, Reads, RejectRule, Source
from limner.flow.sources.duplicates import DUPLICATE_EVENT
from limner.flow.sources.enriching import spelled_out
from limner.flow.sources.live.enriching import HEAD, entries_of, filled_by
from limner.flow.sources.live.rows import Columns

if TYPE_CHECKING:
    import pyarrow as pa

_EVENT = ("order_id", "item_id", "category", "quantity", "amount", "currency", "via", "session", "extra")
_CONSENT = {"purpose": "purpose", "until_at": "until", "uses": "uses", "proof": "proof"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows at hand, read as those of a file are."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    table: pa.Table
    kinds: Mapping[str, str]
    broken: Sequence[tuple[int, str, str]] = ()
    left_out: Sequence[tuple[int, str, str]] = ()

    def columns(self, _path: object, _options: ReadOptions) -> Mapping[str, str]:
        """The columns with their types in words."""
        return self.kinds

    def chunks(
        self, _path: object, _options: ReadOptions, _columns: Sequence[str], _size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """All rows at once."""
        yield Chunk(self.table, self.broken, self.table.num_rows, self.table.num_rows, self.left_out)


LIVE_AND_MORE = words(
    "source_live_and_more",
    "Source {source!r} is live: clients say what they send, and {section} has nothing to read. Take {section} out, or "
    "`live`.",
)
LIVE_FIELD = words("source_live_field", "Source {source!r}: live.fields.{name} is {field!r}. It may be one of {known}.")
LIVE_FRESHNESS = words(
    "source_live_freshness",
    "{place}: of a live source, freshness is how long nothing has come. Write {{check: freshness, within: 2h}} without "
    "column, event or learnt.",
)

_READ = (
    *("files", "kind", "events", "lines", "items", "holdings", "relations", "sites", "receipts", "consents", "traits"),
    "identifiers",
)
_FILLED = ("order_id", "item_id", "category", "quantity", "amount", "currency", "session", "via", "price", "list_price")


def check_live(source: Source) -> None:
    """Refuse a live source that says how to read files, or fills a field that events do not have."""
    for section in _READ:
        if getattr(source, section):
            raise BadDefinition(LIVE_AND_MORE, source=source.id, section=section)
    spelled_out(source)
    for turn, rule in enumerate(source.checks):
        if rule.check == "freshness" and (rule.column or rule.event or rule.learnt):
            raise BadDefinition(LIVE_FRESHNESS, place=f"sources/{source.id}: checks[{turn}]")
    for name, wanted in (source.live or LiveMap()).fields.items():
        if wanted not in _FILLED:
            known = ", ".join(_FILLED)
            raise BadDefinition(
                LIVE_FIELD, near=near(wanted, _FILLED), source=source.id, name=name, field=wanted, known=known
            )


def source_of(source: Source, part: str, columns: Columns, types: Mapping[str, str]) -> Source:
    """The source of one sort of rows (`people`, `events`, `consents`, `orders`), by the columns they have.

    `types` say what the values of a trait are read as. What an entry of enrichment fills nothing else does: it would
    depend on the batch which of the two counts.
    """
    own_traits, own = filled_by(source)
    base = replace(
        source,
        enrich=entries_of(source, columns.named(HEAD)),
        kind="live",
        is_history=False,
        optional=_ALL,
        identifiers={name: Field(column=f"id:{name}") for name in columns.named("id:")},
        traits={name: _trait(name, types) for name in columns.named("trait:") if name not in own_traits},
        traits_at=Field(column="happened_at"),
        reject=(RejectRule({"again": "yes"}, DUPLICATE_EVENT),),
    )
    if part == "people":
        return base
    found = {name: Field(column=name) for name in _EVENT}
    event = EventMap(
        name="name",
        happened_at="happened_at",
        event_id="event_id",
        properties={name: Field(column=f"prop:{name}") for name in columns.named("prop:") if name not in own},
        **found,  # type: ignore[arg-type]
    )
    if part == "orders":
        lines = {name: Field(column=f"line:{name}") for name in columns.named("line:")}
        item: Reads = lines.pop("item_id", Field(column="line:item_id"))
        return replace(base, events=(event,), lines=LineMap(item, **lines))
    if part == "consents":
        said = {name: Field(column=column) for name, column in _CONSENT.items()}
        consent = ConsentMap("channel", "granted", "happened_at", **said)  # type: ignore[arg-type]
        return replace(base, events=(EventMap("name", "happened_at", event_id="event_id"),), consents=(consent,))
    return replace(base, events=(event,))


def _trait(name: str, types: Mapping[str, str]) -> Field:
    return Field(column=f"trait:{name}", type=types.get(name, "text"))  # type: ignore[arg-type]


_ALL = (
    "again", "name", "event_id", "happened_at", *_EVENT, "channel", "granted", *_CONSENT.values(), "line:item_id",
)  # fmt: skip
"""Columns that a batch may lack."""
