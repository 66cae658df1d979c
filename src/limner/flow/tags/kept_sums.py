"""The sums of an interest tree, kept from one asof to the next: what came in since is added to those of the portrait
before, and the events before it are not read again.

Everything is read anew where sums could not be the same ones as those of a batch: see `REASONS`. Customers who merged
take their sums with them. A full pass goes through customers part by part, so that its memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from limner.core.spans import need_zone
from limner.core.tell import Tell, silent
from limner.flow.tags.base import Grid
from limner.store.gallery.column import SUMS
from limner.store.gallery.draft import file_name
from limner.store.gallery.sums import MOST, Part, Run, Sums, read
from limner.store.lake.some import Some
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.gallery import Draft, Version
    from limner.store.lake.catalog import NewFile
    from limner.store.stores import Stores

INCREMENT: Final = "increment"
REASONS: Final = ("first", "definition", "landmark", "withdrawn", "parted", "items", "unlinked")
"""Why all events were read: there were no sums to add to; the tag or its taxonomy changed; a quarter began; files were
withdrawn, or rows of theirs taken out; a customer became several; a known item came under another category; events that
nobody could be named for have found their customer."""

ROWS_AT_ONCE: Final = 12_000_000
"""Rows of a part of a full pass."""

SMALL: Final = 250_000
"""Rows under which a file may be put together with others, so that its rows are known by their sequence numbers."""

_FACTS: Final = ("events", "lines")

Group: TypeAlias = Mapping[str, Some]
Keys: TypeAlias = NDArray[np.int64]
Ints: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class Pass:
    """One pass over what happened before an asof: `former` are the sums to add to."""

    stores: Stores
    draft: Draft
    grid: Grid
    asof: datetime
    links: str
    name: str
    former: Sums | None = None
    tell: Tell = field(default=silent)

    @cached_property
    def _files(self) -> list[NewFile]:
        return self.stores.lake.catalog.listed((*_FACTS, "items"))

    @property
    def _codes(self) -> int:
        return len(self.grid.tree.nodes)

    def sums(self) -> tuple[Sums, str]:
        """The sums, standing in the draft, and how they were come by: `increment`, or the reason why all was read."""
        why, groups, moves = self._changes()
        if why or self.former is None:
            return self._all(), why
        return self._more(self.former, groups, moves), INCREMENT

    # what changed

    def _changes(self) -> tuple[str, list[Group], tuple[Ints, Ints]]:
        """Why all must be read, or what to read and which customers moved where."""
        nothing: tuple[Ints, Ints] = (np.empty(0, np.int32), np.empty(0, np.int32))
        if self.former is None or datetime.fromisoformat(self.former.basis["asof"]) > need_zone(self.asof):
            return "first", [], nothing
        basis = self.former.basis
        if basis["mark"] != self.grid.mark:
            return "definition", [], nothing
        if basis["landmark"] != self.grid.landmark:
            return "landmark", [], nothing
        groups = self._groups(basis)
        if groups is None:
            return "withdrawn", [], nothing
        if self._is_recategorised(basis):
            return "items", [], nothing
        if basis["links"] == self.links:
            return "", groups, nothing
        before, now = self._numbers(basis["links"]), self._numbers(self.links)
        found = np.array([trace for trace in basis["unlinked"] if trace < now.size], np.int64)
        if (now[found] >= 0).any():
            return "unlinked", [], nothing
        moves = moved(before, now)
        return ("parted", [], nothing) if moves is None else ("", groups, moves)

    def _groups(self, basis: Mapping[str, Any]) -> list[Group] | None:
        """Which rows have come since, table by table: those of other files, and those of known files that had not
        happened yet. None when rows that were counted have gone."""
        since = datetime.fromisoformat(basis["asof"])
        fresh: dict[str, list[str]] = {table: [] for table in _FACTS}
        late: dict[str, list[str]] = {table: [] for table in _FACTS}
        mixed: list[Group] = []
        for table in _FACTS:
            known: dict[str, list[Any]] = dict(basis["files"][table])
            here = [file for file in self._files if file.table_name == table]
            gone = set(known) - {file.path for file in here}
            loads = {known[path][1] for path in gone}
            for load in loads:
                lost = sum(known[path][0] for path in gone if known[path][1] == load)
                paths = [file.path for file in here if file.load == load and file.path not in known]
                last = basis["seqs"][table].get(str(load), -1)
                if self._rows_to(table, paths, last) != lost:
                    return None
                mixed.append(self._only(table, Some(paths, since=since, after=last)))
            for file in here:
                if file.path not in known and file.load not in loads:
                    fresh[table].append(file.path)
                elif file.path in known and (file.max_happened_at is None or file.max_happened_at >= since):
                    late[table].append(file.path)
        found = [{table: Some(paths) for table, paths in fresh.items()}] if any(fresh.values()) else []
        if any(late.values()):
            found.append({table: Some(paths, since=since) for table, paths in late.items()})
        return [*found, *mixed]

    def _only(self, table: str, some: Some) -> Group:
        return {other: some if other == table else Some(()) for other in _FACTS}

    def _rows_to(self, table: str, paths: Sequence[str], last: int) -> int:
        """The rows of some files up to a sequence number."""
        asked = exp.select(exp.Count(this=exp.Star()).as_("rows")).from_(table).where(exp.column("seq") <= last)
        return int(self.stores.lake.table(asked, among={table: paths})["rows"][0].as_py())

    def _numbers(self, links: str) -> Ints:
        """The customer of each trace by a version of the links, -1 for none."""
        found = self.stores.lake.table(exp.select("trace", "number").from_("links"), versions={"links": links})
        traces, numbers = found["trace"].to_numpy(), found["number"].to_numpy()
        of = np.full(int(traces.max()) + 1 if traces.size else 0, -1, np.int32)
        of[traces] = numbers
        return of

    def _is_recategorised(self, basis: Mapping[str, Any]) -> bool:
        """Whether an item that was counted under one category is known by another now."""
        before = list(basis["items"])
        here = [file for file in self._files if file.table_name == "items"]
        since = datetime.fromisoformat(basis["asof"])
        if not set(before) <= {file.path for file in here}:
            return True
        if len(here) == len(before) and all(f.max_happened_at and f.max_happened_at < since for f in here):
            return False
        then, now = self._items(since, before), self._items(self.asof, [file.path for file in here])
        is_other = any(now.get(item) != category for item, category in then.items())
        return is_other or any(now.get(item) for item in basis["orphans"] if item not in then)

    def _items(self, asof: datetime, paths: Sequence[str]) -> dict[str, str]:
        asked = statement(__package__ or "", "latest_items.sql", asof=asof)
        found = self.stores.lake.table(asked, among={"items": paths})
        return dict(zip(found["item_id"].to_pylist(), found["category"].to_pylist(), strict=True))

    # reading

    def _all(self) -> Sums:
        """All events, by stretches of traces."""
        lake, subjects = self.stores.lake, self._subjects({})
        leading, runs = self.grid.lead(subjects), []
        stretches = list(self._stretches())
        for done, traces in enumerate(stretches):
            self.tell(done, len(stretches), f"events of {self.name}")
            among = {table: Some(traces=traces) for table in (*_FACTS, "links")} if len(stretches) > 1 else {}
            reader = lake.query(
                self.grid.sums, given={"leading": leading}, versions={"links": self.links} if self.links else {},
                among=among,
            )  # fmt: skip
            runs.append(self.draft.put_run(self._run_name(), by_code(reader), self._codes))
        whole = runs[0] if len(runs) == 1 else self._together(runs)
        return Sums(self.draft.folder, (whole,), (), self._basis([subjects], [{}]))

    def _more(self, former: Sums, groups: Sequence[Group], moves: tuple[Ints, Ints]) -> Sums:
        """The rows of some groups, and who moved, as a run beside the former ones."""
        sums = self.draft.take_runs(former)
        subjects = [self._subjects(group) for group in groups]
        found = [*self._moved(sums, *moves)]
        for group, about in zip(groups, subjects, strict=True):
            rows = self.stores.lake.table(
                self.grid.sums, given={"leading": self.grid.lead(about)}, versions={"links": self.links}, among=group
            )
            codes, numbers, weights = (rows[name].to_numpy().astype(np.int64) for name in ("code", "number", "weight"))
            found.append(((codes << 32) | numbers, weights))
        runs = list(sums.runs)
        fresh = self.draft.put_run(self._run_name(), _of_keys(*_summed(found)), self._codes)
        runs += [fresh] if fresh.entries else []
        while len(runs) > 1 and runs[-2].entries < 2 * runs[-1].entries:
            runs[-2:] = [self._together(runs[-2:])]
        return Sums(self.draft.folder, tuple(runs), (), self._basis(subjects, groups, former.basis))

    def _moved(self, sums: Sums, left: Ints, joined: Ints) -> Iterator[tuple[Keys, Keys]]:
        """What customers who are others now take away and bring, as (code and number, sum)."""
        for code in range(self._codes if left.size else 0):
            weights = sums.of(code, left)
            has = weights != 0
            base = np.int64(code) << 32
            yield base | left[has].astype(np.int64), -weights[has]
            yield base | joined[has].astype(np.int64), weights[has]

    def _together(self, runs: Sequence[Run]) -> Run:
        """Several runs as one; their files go."""
        among = Sums(self.draft.folder, tuple(runs))
        parts = ((code, among.kept(code)) for code in range(self._codes) if among.has(code))
        whole = self.draft.put_run(self._run_name(), parts, self._codes)
        self.draft.drop_runs(runs)
        return whole

    def _run_name(self) -> str:
        return f"{self.name}.{uuid4().hex[:12]}"

    def _subjects(self, group: Group) -> pa.Table:
        versions = {"links": self.links} if self.links else {}
        return self.stores.lake.table(self.grid.subjects, versions=versions, among=group)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Stretches of traces with about as many rows each, when there are many."""
        rows = sum(file.rows for file in self._files if file.table_name in _FACTS)
        asked = exp.select(exp.Max(this=exp.column("trace")).as_("last")).from_("links")
        versions = {"links": self.links} if self.links else {}
        last = self.stores.lake.table(asked, versions=versions)["last"][0].as_py()
        parts = max(1, -(-rows // ROWS_AT_ONCE))
        width = -(-((last or 0) + 1) // parts)
        for first in range(0, (last or 0) + 1, width):
            yield first, first + width

    # what it was made from

    def _basis(
        self, subjects: Iterable[pa.Table], groups: Iterable[Group], before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What the sums are made from, as the next pass needs it."""
        orphans, unlinked = set((before or {}).get("orphans", ())), set((before or {}).get("unlinked", ()))
        for about in subjects:
            pairs = zip(about["item_id"].to_pylist(), about["category"].to_pylist(), strict=True)
            orphans |= {item for item, category in pairs if item and not category}
        for group in groups:
            unlinked |= set(self._unlinked(group))
        return {
            "mark": self.grid.mark,
            "landmark": self.grid.landmark,
            "asof": need_zone(self.asof).isoformat(),
            "links": self.links,
            "files": {t: {f.path: [f.rows, f.load] for f in self._files if f.table_name == t} for t in _FACTS},
            "items": [file.path for file in self._files if file.table_name == "items"],
            "seqs": {table: self._seqs(table) for table in _FACTS},
            "orphans": sorted(orphans),
            "unlinked": sorted(unlinked),
        }

    def _unlinked(self, group: Group) -> list[int]:
        asked = statement(__package__ or "", "unlinked.sql", asof=self.asof)
        versions = {"links": self.links} if self.links else {}
        traces: list[int] = self.stores.lake.table(asked, versions=versions, among=group)["trace"].to_pylist()
        return traces

    def _seqs(self, table: str) -> dict[str, int]:
        """The last sequence number of each load with small files."""
        paths = [file.path for file in self._files if file.table_name == table and file.rows < SMALL]
        if not paths:
            return {}
        asked = exp.select("load", exp.Max(this=exp.column("seq")).as_("last")).from_(table).group_by("load")
        found = self.stores.lake.table(asked, among={table: paths}).to_pylist()
        return {str(row["load"]): row["last"] for row in found}


def sums_file(tag: str) -> str:
    """The file that lists the sums of a tag in a version."""
    return file_name(tag).removesuffix(".npy") + SUMS


def former_sums(version: Version | None, file: str) -> Sums | None:
    """The sums a version lists in a file, if it has any."""
    return read(version.folder / file) if version is not None and (version.folder / file).exists() else None


def moved(before: Ints, now: Ints) -> tuple[Ints, Ints] | None:
    """Which customers have become which, by the customers of each trace then and now (-1: nobody), shape (traces,)
    each; None when one has become several or nobody.

    >>> [numbers.tolist() for numbers in moved(np.array([0, 1, 1], np.int32), np.array([0, 0, 0, 2], np.int32))]
    [[1], [0]]
    >>> moved(np.array([0, 0], np.int32), np.array([0, 1], np.int32)) is None
    True
    """
    after = np.full(before.size, -1, np.int32)
    after[: min(before.size, now.size)] = now[: before.size]
    changed = np.unique(before[(before >= 0) & (before != after)])
    is_changed = np.zeros(int(before.max(initial=0)) + 1, np.bool_)
    is_changed[changed] = True
    traces = np.flatnonzero((before >= 0) & is_changed[np.maximum(before, 0)])
    became = np.full(is_changed.size, -1, np.int32)
    became[before[traces]] = after[traces]
    if (after[traces] < 0).any() or (became[before[traces]] != after[traces]).any():
        return None
    return changed, became[changed]


def by_code(reader: pa.RecordBatchReader) -> Iterator[tuple[int, Part]]:
    """The rows of each code, gathered over batches; sums of 0 are left out."""
    last, parts = -1, list[Part]()
    for batch in reader:
        columns = [np.asarray(batch.column(name).to_numpy(zero_copy_only=False)) for name in _COLUMNS]
        codes, numbers, weights = (column[columns[2] > 0] for column in columns)
        starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(codes)], strict=False):
            if int(codes[start]) != last and parts:
                yield last, _whole(parts)
                parts = []
            last = int(codes[start])
            parts.append((numbers[start:end].astype(np.int32), weights[start:end].astype(np.int64)))
    if parts:
        yield last, _whole(parts)


_COLUMNS: Final = ("code", "number", "weight")


def _whole(parts: Sequence[Part]) -> Part:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _summed(found: Sequence[tuple[Keys, Keys]]) -> tuple[Keys, Keys]:
    """Each key once, ascending, with the sum of its weights; what sums to 0 is left out."""
    keys = np.concatenate([np.empty(0, np.int64), *(part[0] for part in found)])
    weights = np.concatenate([np.empty(0, np.int64), *(part[1] for part in found)])
    order = np.argsort(keys, kind="stable")
    keys, weights = keys[order], weights[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    sums = np.minimum(np.add.reduceat(weights, starts), MOST) if keys.size else weights
    is_left = sums != 0
    return keys[starts][is_left], sums[is_left]


def _of_keys(keys: Keys, weights: Keys) -> Iterator[tuple[int, Part]]:
    codes = keys >> 32
    starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], keys.size], strict=False):
        yield int(codes[start]), ((keys[start:end] & 0xFFFFFFFF).astype(np.int32), weights[start:end])
