"""Control files: what a file must add up to, checked to the last row before anything of it is taken.

A control file may be empty (its presence says that the file is complete), `key=value` lines, a JSON object, a header
with a row below, one row without a header, or the output of `md5sum`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.core.normal import amount, is_empty, masked, text
from limner.flow.sources.base import LINE
from limner.flow.sources.definition import Source
from limner.flow.sources.encodings import Utf8Stream, encoding_of
from limner.flow.sources.layouts import Control
from limner.flow.sources.reading import chunks_of, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = words(
    "control_missing",
    "{path} has no control file {control} beside it: it may not be complete. Nothing of it was taken. Put the control "
    "file there, or take control out of source {source!r}.",
)
NO_ENTRY = words("control_entry_missing", "Control file {control} has no entry {entry!r}. It has: {known}.")
BAD_ENTRY = words("control_entry_bad", "Control file {control}: {entry!r} is {value!r}, it must be a number.")
DIFFERS = words(
    "control_differs",
    "{path} and its control file differ: {what} is {found} in the file and {stated} in {control}. Nothing of it was "
    "taken. Ask for both files again.",
)
NO_SUM = words(
    "control_sum_unreadable",
    "{path}: line {line} of {column!r} is not a number, so it has no sum. Nothing of it was taken.",
)
BAD_NAME = words(
    "control_name_bad",
    "Source {source!r}: the control file {file!r} is named for no file. Write {{name}} or {{stem}} in it, such as "
    "'{{stem}}.ctl'.",
)

_PAIR = re.compile(r"\s*([^=:：|,\t]+?)\s*[=:：]\s*(.*?)\s*")
_DIGEST = re.compile(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{64})(?:\s+\*?(\S.*))?")
_CUTS = ("|@|", "||", "\x01", "|", "\t", ";", ",")


@dataclass(frozen=True, slots=True)
class Totals:
    """What a file adds up to."""

    rows: int
    sums: Mapping[str, Decimal]


def control_of(source: Source, path: Path) -> Path | None:
    """The control file of a file; None when its source has none."""
    if source.control is None:
        return None
    _named(source, source.control)
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return path.with_name(source.control.file.replace("{name}", path.name).replace("{stem}", stem))


def is_control(source: Source, path: Path) -> bool:
    """Whether a file is the control file of another, by its name."""
    if source.control is None:
        return False
    _named(source, source.control)
    pattern = re.escape(source.control.file).replace(r"\{name\}", ".+").replace(r"\{stem\}", ".+")
    return re.fullmatch(pattern, path.name) is not None


def _named(source: Source, control: Control) -> None:
    if "{name}" not in control.file and "{stem}" not in control.file:
        raise BadDefinition(BAD_NAME, source=source.id, file=control.file)


def verify(source: Source, path: Path) -> None:
    """Hold a file against its control file. BadInput when that is missing, or anything differs: with both numbers.

    A source without a control file is not looked at.
    """
    control, place = source.control, control_of(source, path)
    if control is None or place is None:
        return
    if not place.is_file():
        raise BadInput(MISSING, path=path.name, control=place.name, source=source.id)
    entries = read_entries(place, path)
    for kind, entry in (("md5", control.md5), ("sha256", control.sha256)):
        if entry:
            _same(kind, _digest(path, kind), _entry(entries, entry, place).lower(), path, place)
    if not control.rows and not control.sums:
        return
    with localcontext(prec=80):
        found = totals(source, path, tuple(control.sums))
    if control.rows:
        _same("the number of rows", found.rows, _number(entries, control.rows, place), path, place)
    for column, entry in control.sums.items():
        _same(f"the sum of {column}", found.sums[column], _number(entries, entry, place), path, place)


def _same(what: str, found: object, stated: object, path: Path, control: Path) -> None:
    if found != stated:
        raise BadInput(DIFFERS, path=path.name, control=control.name, what=what, found=found, stated=stated)


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


# ------------------------------------------------------------------------------------------------ the control file


def read_entries(control: Path, path: Path) -> Mapping[str, str]:
    """The entries of a control file: by key or column, and by place from 1. Of several rows, that of `path`."""
    if not control.stat().st_size:
        return {}
    with Utf8Stream(control, encoding_of(control)) as stream:
        body = stream.read(1 << 20).decode("utf-8", "replace")
    found = _json(body)
    if found is not None:
        return found
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    digests = [_DIGEST.fullmatch(line) for line in lines]
    if lines and all(digests):
        mine = [d for d in digests if d and (d[2] is None or Path(d[2]).name == path.name)]
        return {"1": mine[0][1], "2": mine[0][2] or ""} if mine else {}
    cut = next((c for c in _CUTS if lines and all(c in line for line in lines)), None)
    pairs = [_PAIR.fullmatch(line) for line in lines]
    if cut is None and all(pairs):
        return _placed({text(p[1]): p[2] for p in pairs if p})
    return _rows(lines, cut, path)


def _json(body: str) -> Mapping[str, str] | None:
    try:
        found = json.loads(body, parse_float=str, parse_int=str)
    except ValueError:
        return None
    return _placed({text(str(k)): str(v) for k, v in found.items()}) if isinstance(found, dict) else None


def _placed(entries: Mapping[str, str]) -> Mapping[str, str]:
    return {**{str(n): value for n, value in enumerate(entries.values(), 1)}, **entries}


def _rows(lines: Sequence[str], cut: str | None, path: Path) -> Mapping[str, str]:
    """One row without a header, or a header and the row that names the file (or the only one)."""
    rows = [[text(cell).strip('"') for cell in (line.split(cut) if cut else line.split())] for line in lines]
    mine = [row for row in rows if path.name in row or path.name.removesuffix(".gz") in row]
    has_header = len(rows) > 1 and not any(_is_number(cell) for cell in rows[0])
    if not mine and len(rows) > 1 + has_header:
        return {}  # it speaks of other files
    row = mine[0] if mine else rows[-1]
    places = {str(n): value for n, value in enumerate(row, 1)}
    return {**places, **dict(zip(rows[0], row, strict=False))} if has_header else places


def _is_number(cell: str) -> bool:
    return amount(cell).value is not None


def _entry(entries: Mapping[str, str], entry: str, control: Path) -> str:
    if text(entry) not in entries:
        known = ", ".join(entries) or "nothing"
        raise BadInput(NO_ENTRY, near=near(entry, entries), control=control.name, entry=entry, known=known)
    return entries[text(entry)]


def _number(entries: Mapping[str, str], entry: str, control: Path) -> Decimal:
    value = _entry(entries, entry, control)
    found = exact(value)
    if found is None:
        raise BadInput(BAD_ENTRY, control=control.name, entry=entry, value=masked(value))
    return found


def exact(value: str) -> Decimal | None:
    """A number as files write it, with all its decimals; None when it is none.

    >>> exact("1,234.5"), exact("￥２"), exact("x")
    (Decimal('1234.5'), Decimal('2.0000'), None)
    """
    plain = text(value).replace(",", "")
    try:
        found = Decimal(plain)
    except InvalidOperation:
        return amount(value).value
    return found if found.is_finite() else None


# ------------------------------------------------------------------------------------------------ the file


def totals(source: Source, path: Path, columns: Sequence[str]) -> Totals:
    """How many rows a file has, broken ones included, and what the columns named add up to; empty values are 0."""
    known = columns_of(source, path)
    for name in columns:
        if name not in known:
            raise BadInput(NO_ENTRY, near=near(name, known), control=path.name, entry=name, known=", ".join(known))
    rows, sums = 0, dict.fromkeys(columns, Decimal(0))
    for chunk in chunks_of(source, path, list(columns) or list(known)[:1]):
        rows += chunk.rows.num_rows + len(chunk.broken)
        for name in columns:
            sums[name] += _sum(chunk.rows, name, path)
    return Totals(rows, sums)


def _sum(rows: pa.Table, name: str, path: Path) -> Decimal:
    """The exact sum of a column; each different text is read once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows[name]
    if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
        return Decimal(str(pc.sum(column.cast(pa.decimal256(60, getattr(column.type, "scale", 0)))).as_py() or 0))
    counted = pc.value_counts(column.cast(pa.string()).combine_chunks()).to_pylist()
    found, bad = _added(counted)
    if bad is not None:
        place = pc.index(column.cast(pa.string()), bad).as_py()
        raise BadInput(NO_SUM, path=path.name, line=rows[LINE][place].as_py(), column=name)
    return found


def _added(counted: Iterable[Mapping[str, Any]]) -> tuple[Decimal, str | None]:
    found = Decimal(0)
    for entry in counted:
        value = entry["values"]
        if value is None or is_empty(text(value)):
            continue
        number = exact(value)
        if number is None:
            return found, value
        found += number * entry["counts"]
    return found, None
