"""How rows come where a header does not say it: columns by place, a file that vouches for another, a database.

Parts of a `Source`; frozen values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands in a line: its first character (or byte), counted from 1, and how many there are."""

    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file whose columns stand at fixed places.

    `unit` says what places count: characters, or bytes of the file's own encoding (a Chinese character of GB18030 is
    two). `length` is what every line must have, line end excluded; 0 asks only that the last column begins within it.
    With `is_trimmed` lines may have lost the blanks at their end.
    """

    columns: Mapping[str, Place]
    unit: Literal["characters", "bytes"] = "characters"
    length: int = 0
    is_trimmed: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """The small file beside each file, that says it is complete and what it must add up to.

    `file` is its name: {name} is the name of the file, {stem} the same without its ending. `rows`, `md5`, `sha256` and
    `sums` (column → entry) name its entries: keys, columns of its header, or places counted from 1.
    """

    file: str
    rows: str = ""
    sums: Mapping[str, str] = field(default_factory=dict)
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class SqlRead:
    """A table or a SELECT of a database, read whole each time, or from where the last reading ended.

    `url` is a place (env:NAME, file:PATH) or a URL without a password; `table` may name its schema (crm.orders).
    `cursor` is a column that only grows, such as updated_at or id; rows are read from its last value on. `key` tells
    rows of one value apart. `overlap` (10m of an instant, 1000 of a number) is how far back late rows are looked for:
    those read before are known, and are not taken twice.
    """

    url: str
    table: str = ""
    query: str = ""
    cursor: str = ""
    key: str = ""
    overlap: str = ""
