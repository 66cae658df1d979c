"""The contract of enrichment: a kind reads one text, and whoever asks for a column has each different text read once.

A kind is a class with the methods of `Enricher`, named by `@enrich_kind("phone")` in a module of this folder or from an
entry point `limner.enrichers`. What it cannot tell is missing from its answer; a
text that should have said more comes with a reason, and is counted under it. Nothing is guessed in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, Protocol

from limner.core.errors import BadDefinition, Broken, near, words
from limner.core.normal import is_empty, masked, text
from limner.core.registry import Registry
from limner.core.settings import EnrichSettings

if TYPE_CHECKING:
    import pyarrow as pa

NO_LIBRARY = words(
    "enrich_library_missing",
    "The enrichment {kind!r} needs a library that is not installed. Run: pip install 'limner[{extra}]'.",
)
UNKNOWN_FIND = words("enrich_find_unknown", "The enrichment {kind!r} finds no {name!r}. It finds: {known}.")

MOST_KEPT: Final = 2_000_000
"""Different texts whose answers are kept while files are loaded; beyond it they are forgotten and read again."""

Type = Literal["text", "number", "bool", "date"]


class Answer(NamedTuple):
    """What one text says: name of a find → value as text (yes or no as true and false, days as 2026-08-01)."""

    found: Mapping[str, str]
    reason: str | None = None
    """Why it says less than it should; None when all is well."""


NOTHING: Final = Answer({})


class Enricher(Protocol):
    """One kind of enrichment. It is made once per collect, with the settings of [enrich]."""

    finds: ClassVar[Mapping[str, Type]]
    """What it may find, with the type of each."""

    def __init__(self, settings: EnrichSettings) -> None:
        """Raise Broken when what it stands on (a library, a database) is not there."""
        ...

    def read(self, plain: str) -> Answer:
        """What a text in normal form says; it is never empty."""
        ...

    def shown(self, plain: str) -> str:
        """The text as a reject may show it, without what is personal in it."""
        ...


enrichers: Registry[type[Enricher]] = Registry("enrichment", "limner.flow.sources.enrich", "limner.enrichers")
enrich_kind = enrichers.kind


class Plain:
    """What most kinds share: no settings, and a reject shows a masked value."""

    def __init__(self, settings: EnrichSettings) -> None:
        """Nothing is needed."""

    def shown(self, plain: str) -> str:
        """The value with its digits masked."""
        return masked(plain)


@dataclass(frozen=True, slots=True)
class Found:
    """What a column says, row by row: a text column per find, the reason, and what a reject shows, null without one."""

    columns: Mapping[str, pa.Array | pa.ChunkedArray]
    why: pa.Array | pa.ChunkedArray
    shown: pa.Array | pa.ChunkedArray


@dataclass
class _Kept:
    """Answers so far: texts, and beside each the finds, the reason and what a reject shows."""

    texts: pa.Array
    answers: pa.Table


@dataclass
class Enriching:
    """One kind at work on one column: each different text is read once, for as long as this value lives.

    >>> import pyarrow as pa
    >>> from limner.core.settings import EnrichSettings
    >>> cards = Enriching.of("id_card", EnrichSettings(), ["sex", "born"])
    >>> found = cards.look(pa.chunked_array([["11010519491231002X", None, "1", "11010519491231002X"]]))
    >>> found.columns["born"].to_pylist(), found.why.to_pylist()
    (['1949-12-31', None, None, '1949-12-31'], [None, None, 'not an id card number', None])
    """

    kind: str
    enricher: Enricher
    finds: tuple[str, ...]
    _kept: _Kept | None = field(default=None, repr=False)

    @classmethod
    def of(cls, kind: str, settings: EnrichSettings, finds: Sequence[str] = ()) -> Enriching:
        """A kind by its name, held to some of its finds (none named: all). Raises NotFound, BadDefinition, Broken."""
        made = enrichers.find(kind)
        check_finds(kind, made, finds)
        return cls(kind, made(settings), tuple(finds) or tuple(made.finds))

    def look(self, column: pa.Array | pa.ChunkedArray) -> Found:
        """What every text of a column says; null says nothing."""
        import pyarrow as pa
        import pyarrow.compute as pc

        raws = column.cast(pa.string())
        new = pc.unique(raws).drop_null()
        if self._kept is not None:
            is_new = pc.invert(pc.is_in(new, value_set=self._kept.texts))
            new = new.filter(is_new)
        if self._kept is None or len(self._kept.texts) + len(new) > MOST_KEPT:
            new = pc.unique(raws).drop_null()
            self._kept = _Kept(new, self._read(new.to_pylist()))
        elif len(new):
            answers = pa.concat_tables([self._kept.answers, self._read(new.to_pylist())])
            self._kept = _Kept(pa.concat_arrays([self._kept.texts, new]), answers)
        place = pc.index_in(raws, value_set=self._kept.texts)
        rows = self._kept.answers.combine_chunks().take(place)
        return Found({name: rows[name] for name in self.finds}, rows["why"], rows["shown"])

    def _read(self, texts: Sequence[str]) -> pa.Table:
        """The answers to texts, one row each."""
        import pyarrow as pa

        answers = [self._answer(raw) for raw in texts]
        columns = {
            name: pa.array([answer.found.get(name) for answer, _ in answers], pa.string()) for name in self.finds
        }
        columns["why"] = pa.array([answer.reason for answer, _ in answers], pa.string())
        columns["shown"] = pa.array([shown for _, shown in answers], pa.string())
        return pa.table(columns)

    def _answer(self, raw: str) -> tuple[Answer, str | None]:
        plain = text(raw)
        if is_empty(plain):
            return NOTHING, None
        answer = self.enricher.read(plain)
        return answer, self.enricher.shown(plain) if answer.reason else None


def check_finds(kind: str, made: type[Enricher], finds: Sequence[str]) -> None:
    """Refuse names that a kind does not find."""
    for name in finds:
        if name not in made.finds:
            known = ", ".join(made.finds)
            raise BadDefinition(UNKNOWN_FIND, near=near(name, made.finds), kind=kind, name=name, known=known)


def missing(kind: str, extra: str) -> Broken:
    """The error of a library that is not installed."""
    return Broken(NO_LIBRARY, kind=kind, extra=extra)


def yes(value: object) -> str:
    """Yes or no as text."""
    return "true" if value else "false"


__all__ = [
    "NOTHING",
    "Answer",
    "Enricher",
    "Enriching",
    "Found",
    "Plain",
    "check_finds",
    "enrich_kind",
    "enrichers",
    "missing",
    "yes",
]
