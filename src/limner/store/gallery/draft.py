"""A draft: a version being built beside the published ones. Nobody sees it until it is sealed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from limner.core.errors import BadInput, Full, words
from limner.core.ids import slug
from limner.core.rule.lexicon import Type
from limner.store.gallery.column import Array, Column, Header, valid_name, words_name
from limner.store.gallery.encode import Encoded, encode, encode_arrow, encode_text, smallest, stored_value
from limner.store.gallery.sums import Part, Run, Sums, read
from limner.store.gallery.version import FIGURES, INDEX, LIVING, Version, fit_file, version_name

if TYPE_CHECKING:
    import pyarrow as pa

NO_ROOM = words("gallery_full", "There is no room for {path}: {why}. Free some space, then run this again.")
BAD_LENGTH = words("gallery_length_bad", "The column {name!r} has {found} {what} for {wanted} customers.")

DRAFT: Final = ".draft-"
_WRITERS: Final = 2


class Draft:
    """Columns, members and cards of the next version.

    Columns, cards and the living of `base` stand in it from the start as hard links; members do not, they are selected
    anew. Files are written and synced in the background; `seal` waits for them, then renames the folder in one step.
    """

    def __init__(self, home: Path, base: Version | None = None) -> None:
        self.home, self.folder = home, home / f"{DRAFT}{uuid.uuid4().hex[:12]}"
        self.size = base.size if base else 0
        self.headers: dict[str, Header] = dict(base.headers) if base else {}
        self._marks: dict[str, str] = {}
        self._syncs: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(_WRITERS, "gallery")
        for part in ("members", "cards"):
            (self.folder / part).mkdir(parents=True)
        if base:
            kept = [LIVING, *(f"cards/{name}.json" for name in base.cards())]
            kept += [file for file in map(fit_file, base.cards()) if (base.folder / file).exists()]
            for name in dict.fromkeys((*kept, *_all_files(base.folder, base.headers.values()))):
                os.link(base.folder / name, self.folder / name)

    def put(
        self,
        name: str,
        values: Array | Sequence[str | None],
        known: NDArray[np.bool_] | None = None,
        *,
        type: Type,  # noqa: A002
        unit: str = "",
        version: str = "",
        asof: str = "",
    ) -> Header:
        """Write a whole column: value i is customer number i; `known` says which answers are known (None: all).

        Text is a list of texts and None, other types an array: money in ten-thousandths, days since 1970-01-01,
        instants in µs. NaN is unknown. A column may be shorter than the gallery: the rest is unknown.
        """
        if type == "text":
            codes, is_text, kept = encode_text([str(v) if v is not None else None for v in values])
            known = is_text if known is None else known & is_text
            encoded = encode(name, "text", codes, known, kept)
        else:
            encoded = encode(name, type, np.asarray(values), known)
        return self.put_encoded(name, encoded, unit=unit, version=version, asof=asof)

    def put_arrow(
        self,
        name: str,
        column: pa.ChunkedArray | pa.Array,
        *,
        numbers: NDArray[np.integer[Any]] | None = None,
        type: Type | None = None,  # noqa: A002
        unit: str = "",
        version: str = "",
        asof: str = "",
    ) -> Header:
        """Write a whole column from Arrow. With `numbers`, row i is customer numbers[i]; nobody else's answer is known.

        decimal → money, date → day, timestamp → instant, string → text.
        """
        encoded = encode_arrow(name, column, type)
        if numbers is not None:
            encoded = _scattered(name, encoded, np.asarray(numbers), self.size)
        return self.put_encoded(name, encoded, unit=unit, version=version, asof=asof)

    def put_encoded(self, name: str, encoded: Encoded, *, unit: str = "", version: str = "", asof: str = "") -> Header:
        """Write a column that has been encoded."""
        rows = len(encoded.values)
        if encoded.known is not None and len(encoded.known) != rows:
            raise BadInput(BAD_LENGTH, name=name, found=len(encoded.known), what="known marks", wanted=rows)
        has_nulls = encoded.known is not None
        stored = np.packbits(encoded.values, bitorder="little") if encoded.type == "bool" else encoded.values
        file = file_name(name)
        for old in (file, valid_name(file), words_name(file)):
            (self.folder / old).unlink(missing_ok=True)
        offset = self._write_array(file, np.ascontiguousarray(stored))
        if encoded.known is not None:
            self._write(valid_name(file), np.packbits(encoded.known, bitorder="little").data)
        if encoded.type == "text":
            self._write(words_name(file), json.dumps(encoded.words, ensure_ascii=False).encode())
        header = Header(name, encoded.type, stored.dtype.str, rows, file, offset, has_nulls, unit, version, asof)
        self.headers[name] = header
        self.size = max(self.size, rows)
        return header

    def put_sums(
        self,
        file: str,
        sums: Sums,
        columns: Mapping[str, tuple[int, int]],
        known: NDArray[np.bool_] | None = None,
        *,
        unit: str = "",
        version: str = "",
        asof: str = "",
    ) -> None:
        """Write sparse columns that read the same sums, each the codes from a first to before a last one; the files of
        the runs stand in the draft. Whoever has no sum is answered 0; `known` says whose answers are known (None: all).
        """
        before = self.sums(file)
        self._leave([*before.files(), file, valid_name(file)], {*sums.files()})
        self._write(file, json.dumps(sums.body(), ensure_ascii=False).encode())
        has_nulls = known is not None and not known.all()
        if known is not None and has_nulls:
            self._write(valid_name(file), np.packbits(known, bitorder="little").data)
        kind, labels = np.dtype(np.float64).str, (has_nulls, unit, version, asof)
        for name, (first, last) in columns.items():
            entries = sums.entries(first, last)
            self.headers[name] = Header(name, "float", kind, self.size, file, 0, *labels, entries, first, last)

    def put_run(self, name: str, parts: Iterable[tuple[int, Part]], codes: int) -> Run:
        """Write a run: (code, numbers and sums) in the order of codes, of which there are `codes`."""
        many = np.zeros(codes + 1, np.int64)
        with self._fresh_file(f"{name}.weights", "xb") as weights, self._fresh_file(f"{name}.numbers", "xb") as numbers:
            for code, (whose, sums) in parts:
                numbers.write(np.ascontiguousarray(whose, np.int32).data)
                weights.write(np.ascontiguousarray(sums, np.int64).data)
                many[code + 1] += whose.size
        return Run(name, tuple(np.cumsum(many).tolist()))

    def take_runs(self, sums: Sums) -> Sums:
        """The runs of another version as files of this draft."""
        for file in sums.files():
            if not (self.folder / file).exists():
                os.link(sums.folder / file, self.folder / file)
        return replace(sums, folder=self.folder)

    def drop_runs(self, runs: Iterable[Run]) -> None:
        """Take files of runs out of the draft."""
        self._leave([file for run in runs for file in run.files], set())

    def sums(self, file: str) -> Sums:
        """The sums that stand in the draft under the name of a file; none where there is no such file."""
        return read(self.folder / file) if (self.folder / file).exists() else Sums(self.folder)

    def _leave(self, files: Iterable[str], kept: set[str]) -> None:
        for file in set(files) - kept:
            (self.folder / file).unlink(missing_ok=True)

    def patch(
        self,
        name: str,
        numbers: NDArray[np.integer[Any]],
        values: Array | Sequence[Any],
        known: NDArray[np.bool_] | None = None,
        *,
        asof: str = "",
    ) -> Header:
        """Write new answers of some customers into a column; the others keep theirs.

        `values` as in `put`, or a sequence of Python values with None for unknown. The file is read and written once.
        """
        header = self.headers[name]
        column = Column(self.folder, header)
        fresh, is_known, kept = _fresh(header, column, values, known)
        old = column.values if header.type != "bool" else _unpacked(column.values, header.rows)
        rows = max(header.rows, int(np.max(numbers)) + 1 if len(numbers) else 0)
        whole = np.zeros(rows, np.promote_types(old.dtype, fresh.dtype))
        whole[: header.rows] = old
        whole[numbers] = fresh
        mask = _known(column, rows, numbers, is_known)
        labels = {"unit": header.unit, "version": header.version, "asof": asof or header.asof}
        return self.put_encoded(name, Encoded(header.type, whole, mask, kept), **labels)

    def drop(self, name: str) -> None:
        """Leave a column out of the next version."""
        header = self.headers.pop(name)
        if not any(other.file == header.file for other in self.headers.values()):
            self._leave(_files(self.folder, header), set())

    def put_living(self, living: BitMap, size: int | None = None) -> None:
        """Say who lives; `size` is one more than the largest number (default: read off the set)."""
        self.size = max(size or 0, (living.max() + 1) if living else 0)
        (self.folder / LIVING).unlink(missing_ok=True)
        self._write(LIVING, living.serialize())

    def living(self) -> BitMap:
        """Who lives; everybody where it has not been said."""
        path = self.folder / LIVING
        return BitMap.deserialize(path.read_bytes()) if path.exists() else BitMap(range(self.size))

    def put_members(self, audience: str, members: BitMap, mark: str = "") -> None:
        """Write the members of an audience; `mark` names what they were selected by."""
        members.run_optimize()
        self._marks[slug(audience, "audience")] = mark
        self._write(f"members/{audience}.roar", members.serialize())

    def put_card(self, name: str, card: Mapping[str, object]) -> None:
        """Write a model card."""
        path = f"cards/{slug(name, 'model')}.json"
        (self.folder / path).unlink(missing_ok=True)
        self._write(path, json.dumps(dict(card), ensure_ascii=False, indent=1, sort_keys=True).encode())

    def put_fit(self, name: str, fit: Mapping[str, object]) -> None:
        """Write what is kept of a model beside its card, as JSON-able values; nothing is written of nothing."""
        path = fit_file(slug(name, "model"))
        (self.folder / path).unlink(missing_ok=True)
        if fit:
            self._write(path, json.dumps(dict(fit), separators=(",", ":")).encode())

    def put_figures(self, found: Mapping[str, object]) -> None:
        """Write what was counted of the columns, as JSON-able values."""
        self._write(FIGURES, json.dumps(dict(found), ensure_ascii=False, default=str).encode())

    def view(self, **labels: object) -> Version:
        """What stands in the draft so far, to be read by the next station. Do not keep it past the seal."""
        if not (self.folder / LIVING).exists():
            self.put_living(BitMap(range(self.size)), self.size)
        columns = {name: header.as_mapping() for name, header in self.headers.items()}
        index = {"size": self.size, "labels": labels, "members": self._marks, "columns": columns}
        (self.folder / INDEX).unlink(missing_ok=True)
        self._write(INDEX, json.dumps(index, ensure_ascii=False).encode())
        return Version(self.folder)

    def seal(self, name: str, **labels: object) -> Version:
        """Finish: wait for the disk, then give the folder its name. A version of that name already there is kept."""
        self.view(**labels)
        self._wait()
        target = self.home / version_name(name)
        if target.exists():
            self.discard()
            return Version(target)
        for folder in (self.folder / "members", self.folder / "cards", self.folder):
            _sync(folder)
        self.folder.rename(target)
        _sync(self.home)
        return Version(target)

    def discard(self) -> None:
        """Take the draft away."""
        self._pool.shutdown(wait=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        self._pool.shutdown(wait=True)
        with _room(self.folder):
            for sync in self._syncs:
                sync.result()

    def _write_array(self, file: str, values: Array) -> int:
        """Write one NumPy file; the place its values begin at."""
        with self._fresh_file(file, "xb") as handle:
            np.lib.format.write_array_header_1_0(handle, np.lib.format.header_data_from_array_1_0(values))
            offset = handle.tell()
            handle.write(values.data)
        return offset

    def _write(self, file: str, body: bytes | memoryview) -> None:
        with self._fresh_file(file) as handle:
            handle.write(body)

    @contextmanager
    def _fresh_file(self, file: str, mode: Literal["wb", "xb"] = "wb") -> Iterator[BinaryIO]:
        """A file to write; it is synced in the background by its handle, so that it may be replaced meanwhile."""
        path = self.folder / file
        with _room(path):
            handle = path.open(mode)
            try:
                yield handle
                handle.flush()
            except BaseException:
                handle.close()
                raise
        self._syncs.append(self._pool.submit(_synced, handle))


def file_name(name: str) -> str:
    """The file of a column: what is readable of its name, and a hash of it.

    >>> file_name("interest.女装")
    'interest-aef13e3e.npy'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{readable or 'column'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.npy"


def _files(folder: Path, header: Header) -> tuple[str, ...]:
    valid = (valid_name(header.file),) if header.has_nulls else ()
    more = read(folder / header.file).files() if header.is_sparse else ()
    return (header.file, *more, *valid, *((words_name(header.file),) if header.type == "text" else ()))


def _all_files(folder: Path, headers: Iterable[Header]) -> Iterator[str]:
    """The files of columns; those that several share once."""
    shared = set()
    for header in headers:
        if header.file not in shared:
            yield from _files(folder, header)
        if header.is_sparse:
            shared.add(header.file)


def _scattered(name: str, encoded: Encoded, numbers: NDArray[Any], size: int) -> Encoded:
    if len(numbers) != len(encoded.values):
        raise BadInput(BAD_LENGTH, name=name, found=len(encoded.values), what="values", wanted=len(numbers))
    rows = max(size, int(numbers.max()) + 1 if len(numbers) else 0)
    values, known = np.zeros(rows, encoded.values.dtype), np.zeros(rows, np.bool_)
    values[numbers] = encoded.values
    known[numbers] = True if encoded.known is None else encoded.known
    return replace(encoded, values=values, known=None if known.all() else known)


def _unpacked(packed: NDArray[Any], rows: int) -> NDArray[np.bool_]:
    return np.unpackbits(packed, bitorder="little", count=rows).view(np.bool_)


def _fresh(
    header: Header, column: Column, values: Array | Sequence[Any], known: NDArray[np.bool_] | None
) -> tuple[Array, NDArray[np.bool_] | None, tuple[str, ...]]:
    """New values as they are stored, which of them are known, and the dictionary of a text column."""
    if isinstance(values, np.ndarray) and header.type != "text":
        encoded = encode(header.name, header.type, values, known)
        return encoded.values, encoded.known, ()
    given = np.fromiter((v is not None for v in values), np.bool_, len(values))
    is_known = given if known is None else known & given
    if header.type == "text":
        new = sorted({str(v) for v in values if v is not None} - set(column.codes))
        kept = (*column.words, *new)
        codes = {word: code for code, word in enumerate(kept)}
        coded = np.fromiter((0 if v is None else codes[str(v)] for v in values), np.int64, len(values))
        return coded.astype(smallest(np.array([0, max(len(kept) - 1, 0)]))), is_known, kept
    plain = [stored_value(header.type, 0 if v is None else v) for v in values]
    encoded = encode(header.name, header.type, np.array(plain), is_known)
    return encoded.values, is_known, ()


def _known(
    column: Column, rows: int, numbers: NDArray[Any], is_known: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    before = column.header.rows
    if column.valid is None and is_known is None and rows == before:
        return None
    mask = np.zeros(rows, np.bool_)
    mask[:before] = True if column.valid is None else _unpacked(column.valid, before)
    mask[numbers] = True if is_known is None else is_known
    return None if mask.all() else mask


@contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (28, 122):
            raise Full(NO_ROOM, path=path, why=error.strerror) from error
        raise


def _synced(handle: BinaryIO) -> None:
    with handle:
        os.fsync(handle.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
