"""Reading files where they lie: each joined row by row with its side files, its columns worked out by its recipe."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp, parse_one

from limner.store.lake.beside import Side
from limner.store.lake.in_place import InPlace, Recipe, known
from limner.store.lake.tables import EVENTS, LakeTable

if TYPE_CHECKING:
    from limner.store.lake.catalog import NewFile, Snapshot
    from limner.store.ledger import Ledger

SQL_TYPES: Final[Mapping[str, str]] = {
    "int8": "TINYINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
    "money": "DECIMAL(18,4)",
    "instant": "TIMESTAMPTZ",
    "hash": "BLOB",
}
"""The engine's type of each of our column types."""

OF_SIDE: Final = ("seq", "load", "source", "received_at", "trace")
"""Columns of an event that only the side file has."""

BESIDE: Final = "s:"
"""Leads the names of what a side file has, as long as columns of the file may be called the same."""

_BRANCHES: Final = 8
"""Files of one recipe are read in so many stretches side by side, each of them in order."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A file read as one part of its source, and its side files in order."""

    file: InPlace
    part: int
    sides: tuple[str, ...]
    is_whole: bool


def stretches(snapshot: Snapshot, ledger: Ledger, without: Collection[int] = ()) -> list[Stretch]:
    """What a snapshot has of files that are read where they lie, in the order of loads and parts."""
    found: dict[tuple[int, int], list[tuple[Side, str]]] = {}
    for (table, version), paths in snapshot.paths.items():
        if table == EVENTS.name and version:
            side = Side.of(version)
            if side.load not in without:
                found.setdefault((side.load, side.part), []).extend((side, path) for path in paths)
    if not found:
        return []
    files = known(ledger, {load for load, _ in found})
    done = []
    for (load, part), several in sorted(found.items()):
        several.sort(key=lambda pair: pair[0].first)
        is_whole = several[-1][0].last == files[load].standing.rows
        done.append(Stretch(files[load], part, tuple(path for _, path in several), is_whole))
    return done


def reading(found: Sequence[Stretch], table: LakeTable, folder: Path, empty: Path) -> exp.Query | None:
    """The events of files that are read where they lie, with the columns of `table` in order; None for no file.

    `empty` is a side file without rows. A file that is still being taken in is read by itself.
    """
    groups: dict[tuple[str, int], list[Stretch]] = {}
    for one in found:
        recipe = one.file.recipes[one.part]
        mark = json.dumps([dict(one.file.kinds), recipe.body(), one.file.beside[one.part]])
        groups.setdefault((mark, 0 if one.is_whole else one.file.load), []).append(one)
    several = max(1, _BRANCHES // max(len(groups), 1))
    whole: exp.Query | None = None
    for group in groups.values():
        for part in _cut(group, several):
            branch = _branch(part, table, folder, empty)
            whole = branch if whole is None else exp.Union(this=whole, expression=branch, distinct=False)
    return whole


def _cut(group: Sequence[Stretch], several: int) -> Iterator[Sequence[Stretch]]:
    """Neighbours in at most `several` stretches of about as many rows."""
    total = sum(one.file.standing.rows for one in group)
    part: list[Stretch] = []
    rows = 0
    for one in group:
        part.append(one)
        rows += one.file.standing.rows
        if rows * several >= total:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _branch(group: Sequence[Stretch], table: LakeTable, folder: Path, empty: Path) -> exp.Query:
    first = group[0]
    sides = [str(empty), *(str(folder / path) for one in group for path in one.sides)]
    paths = [str(folder / one.file.path) for one in group]
    joined = _pieces(_JOINED, files=_list(paths), sides=_list(sides), hive=exp.Boolean(this=first.file.is_hive))
    return _events(joined, first.file, first.part, table)


def one_by_one(
    sides: Sequence[tuple[Stretch, NewFile]], table: LakeTable, folder: Path, empty: Path
) -> exp.Query | None:
    """The events that single side files speak of, each with the stretch it is part of; None for none."""
    whole: exp.Query | None = None
    for stretch, side in sides:
        here, file = Side.of(side.version), stretch.file
        rows = file_rows(folder / file.path, here.first, here.last, is_hive=file.is_hive)
        joined: exp.Select = _pieces(_BY_PLACE, sides=_list([str(empty), str(folder / side.path)]))
        branch = _events(joined.from_(rows.subquery("f")), file, here.part, table)
        whole = branch if whole is None else exp.Union(this=whole, expression=branch, distinct=False)
    return whole


def checked(found: Sequence[Stretch], folder: Path) -> tuple[InPlace, ...]:
    """The files of stretches. Raises Broken when one of them is not as it was taken in."""
    files = tuple({one.file.load: one.file for one in found}.values())
    for file in files:
        file.check(folder, is_deep=True)
    return files


def _events(joined: exp.Select, file: InPlace, part: int, table: LakeTable) -> exp.Query:
    """The columns of events over a file `f` joined with its side `s`."""
    recipe, beside = file.recipes[part], file.beside[part]
    needed = dict.fromkeys([*OF_SIDE, *beside, *(["differing"] if beside else [])])
    own = [exp.column(name, "s").as_(f"{BESIDE}{name}", quoted=True) for name in needed]
    wanted = []
    for name, told in zip(table.columns, columns_of(recipe, table), strict=True):
        mine = exp.column(f"{BESIDE}{name}", quoted=True)
        if name in OF_SIDE or (name in beside and name not in recipe.columns):
            wanted.append(mine.as_(name))
        elif name in beside:
            choice = _pieces(_CHOICE, mark=exp.Literal.string(f",{name},"), own=mine, told=told)
            wanted.append(choice.as_(name))
        else:
            wanted.append(told.as_(name))
    return exp.select(*wanted).from_(layers(recipe, joined, own).subquery("e"))


def layers(recipe: Recipe, rows: exp.Select, beside: Sequence[exp.Expr] = ()) -> exp.Select:
    """What a recipe reads off the rows of a file `f`: its columns made ready, then read as their types."""
    ready = [_parsed(sql).as_(name, quoted=True) for name, sql in recipe.ready.items()]
    prepared = rows.select(*beside, *ready, append=False)
    read = [_parsed(sql).as_(name) for name, sql in recipe.readings.items()]
    return exp.select("*", *read).from_(prepared.subquery("p"))


def columns_of(recipe: Recipe, table: LakeTable) -> list[exp.Expr]:
    """What a recipe says of the columns of a table, with their types; null where it says nothing."""
    return [
        exp.cast(_parsed(recipe.columns[name]) if name in recipe.columns else exp.null(), _type(kind))
        for name, kind in table.columns.items()
    ]


@lru_cache
def _type(kind: str) -> exp.DataType:
    return exp.DataType.build(SQL_TYPES[kind], dialect="duckdb")


def file_rows(path: Path, first: int, last: int, *, is_hive: bool) -> exp.Select:
    """The rows of a file from a place to another, both included and counted from 1, with their `file_row_number`."""
    rows: exp.Select = _pieces(
        _ROWS, files=_list([str(path)]), first=exp.Literal.number(first - 1), last=exp.Literal.number(last - 1),
        hive=exp.Boolean(this=is_hive),
    )  # fmt: skip
    return rows


def _list(paths: Iterable[str]) -> exp.Expr:
    return exp.Array(expressions=[exp.Literal.string(path) for path in paths])


_JOINED: Final = (
    "SELECT * FROM read_parquet(:files, union_by_name = true, hive_partitioning = :hive, hive_types_autocast = false) "
    "AS f POSITIONAL JOIN read_parquet(:sides, union_by_name = true) AS s WHERE s.is_used"
)
_ROWS: Final = (
    "SELECT * FROM read_parquet(:files, file_row_number = true, hive_partitioning = :hive, "
    "hive_types_autocast = false) WHERE file_row_number BETWEEN :first AND :last"
)
_BY_PLACE: Final = (
    "SELECT * FROM f JOIN read_parquet(:sides, union_by_name = true) AS s "
    "ON f.file_row_number = s.place - 1 WHERE s.is_used"
)
_CHOICE: Final = 'CASE WHEN contains("s:differing", :mark) THEN :own ELSE :told END'


def _pieces(sql: str, **parts: exp.Expr) -> Any:
    """A piece of SQL with its placeholders filled by trees."""

    def put(node: exp.Expr) -> exp.Expr:
        return parts[node.name] if isinstance(node, exp.Placeholder) and node.name in parts else node

    return _parsed(sql).transform(put)


@lru_cache(maxsize=1024)
def _parsed(sql: str) -> exp.Expr:
    return parse_one(sql, dialect="duckdb")
