"""Files of an operator's own table, read where they lie: what Limner knows of them stands in narrow files beside.

Such a *side file* has one row for every row of a stretch of its file, in the same order: whether it is used, as whose
(`trace`), its `seq`, and the few values that an expression over the file does not give (`differing` names their
columns).
Everything else of an event is read off the file by its recipe, and side and file are joined row by row.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, insert, select, update

from limner.core.errors import Broken, words
from limner.store.lake.catalog import CATALOG
from limner.store.ledger.tables import in_place_files

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.ledger import Ledger

GONE = words(
    "in_place_gone",
    "{path} is missing: the rows of load {load} are read where they lie. Put it back, or take them out with limner "
    "withdraw {load}.",
)
CHANGED = words(
    "in_place_changed",
    "{path} is not as it was taken in: {what} was {was} and is {found}. Run limner collect {source}: what changed is "
    "read again.",
)

_MAGIC: Final = b"PAR1"


@dataclass(frozen=True, slots=True)
class Standing:
    """What changes when a file is written anew: bytes, time of change in ns, rows, SHA-256 of its Parquet footer."""

    size: int
    mtime_ns: int
    rows: int
    footer: str


def standing(path: Path) -> Standing:
    """How a Parquet file stands. Raises FileNotFoundError when it is not there."""
    stat = path.stat()
    with path.open("rb") as stream:
        stream.seek(max(stat.st_size - 8, 0))
        tail = stream.read(8)
        length = struct.unpack("<I", tail[:4])[0] if tail[4:] == _MAGIC else 0
        stream.seek(max(stat.st_size - 8 - length, 0))
        footer = hashlib.sha256(stream.read(length)).hexdigest()
    return Standing(stat.st_size, stat.st_mtime_ns, int(pq.read_metadata(path).num_rows), footer)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How events are read off a file, in three steps of SQL by name.

    `ready` are columns of the file `f` made ready (texts trimmed), `readings` are read off those as their types,
    `columns` are those of events.
    """

    ready: Mapping[str, str]
    readings: Mapping[str, str]
    columns: Mapping[str, str]

    def body(self) -> list[dict[str, str]]:
        """As plain values."""
        return [dict(self.ready), dict(self.readings), dict(self.columns)]


@dataclass(frozen=True, slots=True)
class InPlace:
    """A file that is read where it lies, by one load.

    `path` is from the lake's folder, or whole. `kinds` are the types of the columns used, `recipes` say of each part of
    its source how events are read, and `beside` of which columns some value stands in a side file. With `is_hive`
    columns come from the names of its folders.
    """

    load: int
    source: str
    path: str
    standing: Standing
    kinds: Mapping[str, str]
    recipes: tuple[Recipe, ...]
    beside: tuple[tuple[str, ...], ...]
    is_hive: bool = False

    def check(self, folder: Path, *, is_deep: bool = False) -> None:
        """Raise Broken when the file is not what was taken in; `is_deep` looks at its footer too."""
        path, was = folder / self.path, self.standing
        try:
            stat = path.stat()
            found = standing(path) if is_deep else replace(was, size=stat.st_size, mtime_ns=stat.st_mtime_ns)
        except FileNotFoundError as error:
            raise Broken(GONE, path=os.path.normpath(path), load=self.load) from error
        except (OSError, pa.ArrowInvalid) as error:
            raise Broken(
                CHANGED, path=os.path.normpath(path), what="its kind", was="Parquet",
                found=str(error).splitlines()[0], source=self.source,
            ) from error  # fmt: skip
        if found != was:
            what, before, after = _difference(was, found)
            raise Broken(CHANGED, path=os.path.normpath(path), what=what, was=before, found=after, source=self.source)


def _difference(was: Standing, found: Standing) -> tuple[str, str, str]:
    """The first thing in which two differ, in words."""
    shown = {"size": "bytes", "mtime_ns": "time of change", "rows": "rows", "footer": "footer"}
    name = next(name for name in shown if getattr(was, name) != getattr(found, name))
    return shown[name], _shown(was, name), _shown(found, name)


def _shown(one: Standing, name: str) -> str:
    if name == "mtime_ns":
        return datetime.fromtimestamp(one.mtime_ns / 1e9, UTC).isoformat()
    return str(getattr(one, name))[:32]


def place_in_lake(path: Path, folder: Path) -> str:
    """A file's path as the lake keeps it: from its folder when both lie in one workspace, so that this may move."""
    whole, home = path.absolute(), folder.absolute()
    shop = home.parents[1] if len(home.parents) > 1 else home
    return os.path.relpath(whole, home) if whole.is_relative_to(shop) else str(whole)


# ------------------------------------------------------------------------------------------------ the ledger


def remember(connection: Connection, one: InPlace) -> None:
    """Write down a file and how it is read, in the place of what was known of its load."""
    body = {
        "kinds": dict(one.kinds), "recipes": [recipe.body() for recipe in one.recipes],
        "beside": [list(names) for names in one.beside], "is_hive": one.is_hive,
    }  # fmt: skip
    values: dict[str, Any] = {"load": one.load, "source": one.source, "path": one.path, "size": one.standing.size}
    values |= {"mtime_ns": one.standing.mtime_ns, "rows": one.standing.rows, "footer": one.standing.footer}
    connection.execute(delete(in_place_files).where(in_place_files.c.load == one.load))
    connection.execute(insert(in_place_files).values(**values, body=json.dumps(body, ensure_ascii=False)))


def known(ledger: Ledger, loads: Iterable[int] | None = None) -> dict[int, InPlace]:
    """The files of loads (none named: of all) that are read where they lie, by load."""
    row = in_place_files.c
    wanted = select(in_place_files) if loads is None else select(in_place_files).where(row.load.in_(list(loads)))
    with ledger.read() as connection:
        rows = connection.execute(wanted.order_by(row.load)).mappings().all()
    return {found["load"]: _read(found) for found in rows}


def _read(row: Mapping[Any, Any]) -> InPlace:
    body = json.loads(row["body"])
    standing_as = Standing(row["size"], row["mtime_ns"], row["rows"], row["footer"])
    recipes = tuple(Recipe(*recipe) for recipe in body["recipes"])
    beside = tuple(tuple(names) for names in body["beside"])
    return InPlace(
        row["load"], row["source"], row["path"], standing_as, body["kinds"], recipes, beside, body["is_hive"]
    )


def touched(ledger: Ledger, folder: Path, load: int) -> None:
    """A file has been found to hold what it held, though its time of change is another: remember that one."""
    one = known(ledger, [load]).get(load)
    if one is None:
        return
    try:
        now = standing(folder / one.path)
    except (OSError, pa.ArrowInvalid):
        return  # the next question says so
    if replace(now, mtime_ns=one.standing.mtime_ns) == one.standing != now:
        with ledger.write() as connection:
            mine = in_place_files.c.load == load
            connection.execute(update(in_place_files).where(mine).values(mtime_ns=now.mtime_ns))
            ledger.take(connection, CATALOG)  # whoever keeps a view of the file makes it anew
