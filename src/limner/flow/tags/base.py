"""The contract of a tag kind: it says what to ask, and the station asks it, everything over one relation at once.

A kind is a function from a tag and the ground to a `Part`: a `Scan` shares the one group-by over its relation with all
other tags over it; an `Asked` is a query of its own. Kinds are code; tags are rows of packs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sqlglot import exp

from limner.core.errors import words
from limner.core.ours import Tag
from limner.core.registry import Registry
from limner.core.rule.lexicon import TagWord, Type
from limner.core.spans import day_of, need_zone
from limner.flow.tags.relations import Relation, rows_of
from limner.flow.tags.taxonomies import Tree

if TYPE_CHECKING:
    import pyarrow as pa

BAD_OPTION = words("tag_option_bad", "{place}: the option {option!r} is {value!r}, it must be {bound}.")
NEEDED = words("tag_field_needed", "{place}: a tag of kind {kind} needs {field!r}.")

Ask: TypeAlias = "Callable[[exp.Query], pa.Table]"
Answer: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a kind may know: the asof, the zone, the relations, a way to ask the lake a small question, the columns a
    tag may stand on (traits and other tags) with their types, their display names, and the taxonomies. `opened` gives
    the words among which the name of a further column is; `promised` are values a tag has columns of, found or not."""

    asof: datetime
    zone: tzinfo
    relations: Mapping[str, Relation]
    ask: Ask
    columns: Mapping[str, Type] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trees: Mapping[str, Tree] = field(default_factory=dict)
    opened: Callable[[str], tuple[TagWord, ...]] = lambda _: ()
    promised: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def asof_day(self) -> int:
        """The local day the asof lies in."""
        return day_of(self.asof, self.zone)

    def rows(self, relation: str) -> exp.Query:
        """The query of a relation."""
        return rows_of(self.relations[relation], self.relations, self.asof)

    def since(self, relation: Relation, span: timedelta) -> exp.Expr:
        """The condition that a row lies in [asof − span, asof); whole days begin at local midnight."""
        if relation.day and span % timedelta(days=1) == timedelta(0):
            return exp.column(relation.day) >= exp.Literal.number(self.asof_day - span.days)
        start = need_zone(self.asof) - span
        text = exp.Literal.string(start.isoformat(sep=" ", timespec="microseconds"))
        return exp.column(relation.moment) >= exp.cast(text, exp.DataType.Type.TIMESTAMPTZ)


@dataclass(frozen=True, slots=True)
class Cell:
    """One column a tag fills: its name and type, and the aggregate that answers it (None: a column of the query).

    `words` turns whole numbers of the answer into text; `otherwise` is the answer of customers without one.
    """

    column: str
    type: Type
    value: exp.Expr | None = None
    unit: str = ""
    otherwise: Answer = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """Aggregates over a relation; the station puts all scans of one relation into one group-by by customer."""

    over: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A table that was answered while the tag was being asked: its query, and its rows."""

    query: exp.Query
    rows: pa.Table


class Later:
    """A step that is answered when somebody looks at it."""

    def __init__(self, ask: Callable[[], Step]) -> None:
        self._ask = ask

    @cached_property
    def _step(self) -> Step:
        return self._ask()

    @property
    def query(self) -> exp.Query:
        """Its query."""
        return self._step.query

    @property
    def rows(self) -> pa.Table:
        """Its rows."""
        return self._step.rows


@dataclass(frozen=True, slots=True)
class Study:
    """What is learned from the answers before a tag is asked: a question put to the table `answers`, and what makes a
    small table, written out, of the rows it gives in any order."""

    question: exp.Query
    learn: Callable[[pa.Table], exp.Query]


@dataclass(frozen=True, slots=True)
class Grid:
    """How sums of single nodes become columns: the tree they are rolled up in, whether rare nodes weigh more, and
    whether the first level also says how probable it is that a customer prefers it.

    `sums` answers `number`, `code` and `weight`, ordered by code and number, of rows that count up to the asof, against
    a landmark (a day); it names the table `leading`, which `lead` makes of the answer to `subjects`. An index is a sum
    times the factor of its code. Sums under one `mark` and landmark may be added to one another.
    """

    tree: Tree
    is_rare: bool
    has_preference: bool
    mark: str
    landmark: int
    factors: tuple[float, ...]
    subjects: exp.Query
    lead: Callable[[pa.Table], pa.Table]
    sums: exp.Query


@dataclass(frozen=True, slots=True)
class Members:
    """The columns of a family by the value they are about, in the order of the query's columns."""

    cells: Mapping[str, tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that answers `number` and one column per cell. Where it names the table `answers`, it reads the columns
    in `needs`: traits, and tags, which are computed first. `steps` are the tables it names by name of its own, and
    `studies` those it names that are learned from the answers. With a `grid` it answers `number`, `code` and `weight`,
    and the cells are the nodes of the grid's tree; with `members` it answers `number`, `value` and a column per cell of
    a value, ordered by value and number."""

    query: exp.Query
    cells: tuple[Cell, ...]
    needs: tuple[str, ...] = ()
    steps: Mapping[str, Step | Later] = field(default_factory=dict)
    studies: Mapping[str, Study] = field(default_factory=dict)
    grid: Grid | None = None
    members: Members | None = None


Part: TypeAlias = Scan | Asked


def needs_of(part: Part) -> tuple[str, ...]:
    """The columns a part stands on."""
    return part.needs if isinstance(part, Asked) else ()


class TagKind(Protocol):
    """What a kind is: a function that says how to ask."""

    def __call__(self, tag: Tag, ground: Ground, place: str) -> Part:
        """What to ask for this tag; BadDefinition when the tag asks for what cannot be."""
        ...


KINDS: Registry[TagKind] = Registry("tag kind", "limner.flow.tags", "limner.tag_kinds")
kind = KINDS.kind


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a tag is made from: its relation, the columns and events it reads, and the tags it stands on."""

    over: str = ""
    columns: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=())
