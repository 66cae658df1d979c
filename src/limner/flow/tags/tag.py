"""`tag`: events, lines, items and holdings in, gallery columns out, as they stood at the asof.

All statistic tags over one relation are answered by one scan. Everything is exact: counts and weights are whole
numbers, money is decimal, and no answer depends on threads, batches or the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.errors import BadDefinition, LimnerError, near, words
from limner.core.rule.lexicon import Type
from limner.core.spans import need_zone
from limner.core.tell import Tell, silent
from limner.flow.tags.axes import axes_of
from limner.flow.tags.base import KINDS, Ask, Cell, Ground, Lineage, Part, Scan, needs_of
from limner.flow.tags.catalog import Placed, catalog, in_order, named
from limner.flow.tags.columns import WITHOUT_OWN, Shelf, owner_of, value_in
from limner.flow.tags.compose import alone, reads_answers, scan, studied
from limner.flow.tags.gather import gather
from limner.flow.tags.kept_sums import Pass, former_sums, sums_file
from limner.flow.tags.member_columns import drop_strays, put_members
from limner.flow.tags.relations import Relation, relations
from limner.flow.tags.rolling import put_tree
from limner.flow.tags.statistic import aggregate, condition, conditions
from limner.flow.tags.taxonomies import trees
from limner.store.gallery.column import SUMS, Column
from limner.store.gallery.table import column_to_arrow
from limner.store.lake.checked import lineage, values_of
from limner.store.lake.dialects import write

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.definitions import Definitions
    from limner.store.gallery import Draft, Version
    from limner.store.stores import Stores

Unknown: TypeAlias = Mapping[str, npt.NDArray[np.bool_]]
"""For whom a tag stays unknown, by tag: entry i of shape (n,) is customer number i."""

NO_COLUMN = words("tag_column_unknown", "{place}: the tag {tag!r} has no column {column!r}.")
UNFOUND = words(
    "tag_member_unfound",
    "{place}: nothing that happened before {asof} speaks of {column!r}, so that nobody has an answer. If it is right "
    "as it is written, name its value under `among` of the family.",
)

VERSION: Final = 2
"""Rises when columns are stored or worked out in another way."""

NOBODY: Final[Unknown] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tagged:
    """What was computed: the asof, the columns by tag, and how many scans of the lake it took; of tags that keep sums
    `increment`, or why all events were read (see `kept_sums.REASONS`). `unfound` are tags that read a member nobody has
    an answer of, with what may have been meant; `on` is what each tag stands on."""

    asof: datetime
    columns: Mapping[str, tuple[str, ...]]
    scans: int
    passes: Mapping[str, str] = field(default_factory=dict)
    unfound: Mapping[str, LimnerError] = field(default_factory=dict)
    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per tag."""
        return [{"tag": name, "columns": list(columns)} for name, columns in self.columns.items()]


@dataclass(frozen=True, slots=True)
class Work:
    """The parts of the tags asked for, each after what it stands on; the tags that read members of values which no rows
    show (`readers`), and what to say of it where rows show other values (`unfound`)."""

    placed: Mapping[str, Placed]
    parts: Mapping[str, Part]
    order: tuple[str, ...]
    unknown: Unknown = field(default_factory=dict)
    readers: frozenset[str] = frozenset()
    unfound: Mapping[str, LimnerError] = field(default_factory=dict)

    def stands_on(self, name: str) -> tuple[str, ...]:
        """The tags one reads columns of, and the traits it reads."""
        return tuple(dict.fromkeys(owner_of(self.placed, column) or column for column in needs_of(self.parts[name])))


def tag(  # noqa: PLR0913
    stores: Stores,
    definitions: Definitions,
    draft: Draft,
    *,
    who: Actor,
    asof: datetime,
    links: str = "",
    only: Iterable[str] | None = None,
    unknown: Unknown = NOBODY,
    former: Version | None = None,
    tell: Tell = silent,
) -> Tagged:
    """Write the columns of all tags, or of those in `only` and what they stand on, into the draft of a version.

    `links` names the version of the links to read (default: the published one). Nothing that happened at or after
    `asof` is seen. No events: columns of the tags' `otherwise`, or of unknown. A tag in `unknown` answers nothing for
    the customers marked there, not even its `otherwise`; tags that stand on it find it unknown. Kept sums are added to
    those of `former`, a version of an asof no later; the answers are the same without it.
    """
    versions = {"links": links} if links else {}
    ground = ground_of(stores, asof, versions, {name: header.type for name, header in draft.headers.items()})
    work = replace(prepare(definitions, ground, only), unknown=unknown)
    scans = _scans(work)
    passes: dict[str, str] = {}
    total, done = len(scans) + sum(not isinstance(part, Scan) for part in work.parts.values()), 0
    for over, cells in scans.items():
        tell(done, total, f"tags over {over}")
        _write(stores, draft, work, cells, scan(over, [cell for _, cell in cells], ground), versions, asof)
        done += 1
    for name in work.order:
        part = work.parts[name]
        if isinstance(part, Scan):
            continue
        tell(done, total, f"tag {name}")
        if part.grid is not None:
            at = sums_file(name)
            kept = Pass(stores, draft, part.grid, asof, links, at.removesuffix(SUMS), former_sums(former, at), tell)
            sums, passes[name] = kept.sums()
            put_tree(draft, sums, part.grid, work.placed[name], asof, work.unknown.get(name))
            done += 1
            continue
        given = {table: step.rows for table, step in part.steps.items()}
        if reads_answers(part):
            given["answers"] = _answers(draft, part.needs)
        if part.members is not None:
            reader = stores.lake.query(part.query, given=given, versions=versions)
            put_members(draft, reader, part.members, work.placed[name], asof, work.unknown.get(name))
            done += 1
            continue
        cells = [(name, cell) for cell in part.cells]
        query = studied(part, partial(stores.lake.table, given=given, versions=versions))
        _write(stores, draft, work, cells, query, versions, asof, given)
        done += 1
    for name in work.order:
        drop_strays(draft, work.placed[name].tag, {cell.column for cell in work.parts[name].cells})
    tell(total, total, "tags")
    columns = {name: _columns(work.parts[name]) for name in work.order}
    on = {name: work.stands_on(name) for name in work.order}
    return Tagged(asof, columns, total, passes, work.unfound, on)


def ground_of(
    stores: Stores,
    asof: datetime,
    versions: Mapping[str, str] | None = None,
    columns: Mapping[str, Type] | None = None,
) -> Ground:
    """What kinds may know of this workspace at this asof; `columns` are the traits at hand, with their types."""

    asked: dict[str, pa.Table] = {}

    def ask(query: exp.Query) -> pa.Table:
        text = query.sql()
        if text not in asked:
            asked[text] = stores.lake.table(query, versions=versions or {})
        return asked[text]

    return Ground(need_zone(asof), stores.settings.zone, relations(stores.lake.tables()), ask, columns or {})


def prepare(definitions: Definitions, ground: Ground, only: Iterable[str] | None = None) -> Work:
    """Check the tags asked for (default: all) and all they stand on."""
    known = catalog(definitions)
    ground = _furnished(definitions, known, ground)
    wanted = [named(known, name).tag.id for name in only] if only is not None else list(known)
    parts: dict[str, Part] = {}
    queue = list(dict.fromkeys(wanted))
    while queue:
        name = queue.pop()
        if name in parts:
            continue
        placed = named(known, name)
        parts[name] = KINDS.find(placed.tag.kind)(placed.tag, ground, placed.place)
        queue += [owner for column in needs_of(parts[name]) if (owner := owner_of(known, column))]
    unfound = _promise(known, parts, ground)
    told = {reader: error for reader, error in unfound.items() if error is not None}
    work = Work(known, parts, (), readers=frozenset(unfound), unfound=told)
    on = {name: tuple(other for other in work.stands_on(name) if other in known) for name in parts}
    return replace(work, order=in_order(wanted, on))


def _furnished(definitions: Definitions, known: Mapping[str, Placed], ground: Ground) -> Ground:
    """The ground with the columns that are called as their tags are, and a way to the others."""
    traits = {name: kept for name, kept in ground.columns.items() if not owner_of(known, name)}
    tags = {name: placed.tag for name, placed in known.items()}
    own = {name: tag.type for name, tag in tags.items() if tag.kind not in WITHOUT_OWN}
    names = {name: (tag.name, tag.name_en) for name, tag in tags.items()}
    ground = replace(ground, columns={**traits, **own}, names=names, trees=trees(definitions))
    return replace(ground, opened=Shelf(known, ground).words)


def _promise(known: Mapping[str, Placed], parts: dict[str, Part], ground: Ground) -> dict[str, LimnerError | None]:
    """Give each part the columns that others read of it and no rows show: those of nobody. Each tag that reads one, and
    what to say of it; nothing where rows show no member at all."""
    lacking: dict[str, dict[str, list[str]]] = {}
    for reader, part in parts.items():
        for column in needs_of(part):
            owner = owner_of(known, column)
            if owner and column not in _columns(parts[owner]):
                lacking.setdefault(owner, {}).setdefault(column, []).append(reader)
    unfound: dict[str, LimnerError | None] = {}
    for owner, columns in lacking.items():
        placed, there = known[owner], _columns(parts[owner])
        values: list[str] = []
        for column, readers in columns.items():
            values.append(value_in(placed, column))
            places = [known[reader].place for reader in readers]
            if not values[-1]:
                raise BadDefinition(NO_COLUMN, near=near(column, there), place=places[0], column=column, tag=owner)
            day = ground.asof.astimezone(ground.zone).date()
            for reader, place in zip(readers, places, strict=True):
                error = BadDefinition(UNFOUND, near=near(column, there), place=place, column=column, asof=day)
                unfound[reader] = error if there else None
        promised = {owner: tuple(sorted(set(values)))}
        parts[owner] = KINDS.find(placed.tag.kind)(placed.tag, replace(ground, promised=promised), placed.place)
    return unfound


def said(definitions: Definitions, ground: Ground, name: str, dialect: str = "duckdb") -> str:
    """The whole SELECT of one tag in the SQL of an engine: one row per customer with an answer."""
    placed = named(catalog(definitions), name)
    work = prepare(definitions, ground, [placed.tag.id])
    return write(alone(work.parts[placed.tag.id], ground, work.parts), dialect, is_pretty=True)


def stands_on(definitions: Definitions, ground: Ground) -> Mapping[str, tuple[str, ...]]:
    """Each tag and the tags it reads; nothing is asked of the lake but which columns an answer would have."""
    quiet = replace(ground, ask=_no_rows(ground))
    known = catalog(definitions)
    work = prepare(definitions, quiet)
    return {name: tuple(other for other in work.stands_on(name) if other in known) for name in work.parts}


def _no_rows(ground: Ground) -> Ask:
    return lambda query: ground.ask(exp.select("*").from_(query.subquery()).limit(0))


def lineage_of(definitions: Definitions, ground: Ground, name: str) -> Lineage:
    """What a tag is made from, read off its tree."""
    placed = named(catalog(definitions), name)
    part = prepare(definitions, ground, [placed.tag.id]).parts[placed.tag.id]
    needs = needs_of(part)
    if placed.tag.kind not in {"statistic", "family"}:
        over = part.over if isinstance(part, Scan) else ""
        return Lineage(over, tags=needs)
    relation = ground.relations[placed.tag.over]
    trees = [aggregate(placed.tag, relation, placed.place), *conditions(placed.tag, ground, relation, placed.place)]
    trees += _axis_trees(placed, relation) if placed.tag.kind == "family" else []
    columns = sorted({column for tree in trees for column in lineage(tree)})
    events = sorted({event for tree in trees for event in values_of(tree, "name")})
    return Lineage(placed.tag.over, tuple(columns), tuple(events), needs)


def _axis_trees(placed: Placed, relation: Relation) -> list[exp.Expr]:
    """What the axes of a family read: the conditions of cases, and values."""
    axes = axes_of(placed.tag, placed.place)
    texts = [text for axis in axes for text in (axis.value, *(step.matching for step in axis.steps)) if text]
    return [condition(text, placed.tag, relation, placed.place) for text in texts]


def _scans(work: Work) -> dict[str, list[tuple[str, Cell]]]:
    found: dict[str, list[tuple[str, Cell]]] = {}
    for name in work.order:
        part = work.parts[name]
        if isinstance(part, Scan):
            found.setdefault(part.over, []).extend((name, cell) for cell in part.cells)
    return found


def _write(
    stores: Stores,
    draft: Draft,
    work: Work,
    cells: list[tuple[str, Cell]],
    query: exp.Query,
    versions: Mapping[str, str],
    asof: datetime,
    given: Mapping[str, pa.Table] | None = None,
) -> None:
    reader = stores.lake.query(query, given=given or {}, versions=versions)
    unknown = [work.unknown.get(name) for name, _ in cells]
    columns = gather(reader, [cell for _, cell in cells], draft.size, unknown)
    for (name, cell), encoded in zip(cells, columns, strict=True):
        mark = work.placed[name].version
        draft.put_encoded(cell.column, encoded, unit=cell.unit, version=mark, asof=asof.isoformat())


def _answers(draft: Draft, needs: tuple[str, ...]) -> pa.Table:
    """The columns of other tags as a table, one row per living customer."""
    import pyarrow as pa

    numbers = np.asarray(draft.living().to_array(), np.int64)
    columns = {name: column_to_arrow(Column(draft.folder, draft.headers[name]), numbers) for name in needs}
    return pa.table({"number": pa.array(numbers.astype(np.int32)), **columns})


def _columns(part: Part) -> tuple[str, ...]:
    return tuple(cell.column for cell in part.cells)
