"""A list for people to work through: shop staff, a call centre (导购名单).

One CSV per campaign, or per campaign and shop with `split_by`. The file begins with a UTF-8 byte order mark, so that
Excel opens Chinese text; a cell that Excel would take for a formula, or for a number it would shorten, is kept text. A
row is written whole and once: rows are appended and synced, a row cut off by a crash is taken out at the next opening,
and a message key that stands in the file is not written again.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from limner.core.errors import BadInput, Broken, Full, words
from limner.flow.channels.base import ChannelKind, Handed, Message, Post, channel_kind

UNWRITABLE = words(
    "list_unwritable",
    "Channel {channel!r}: the list {path} cannot be written: {why}. The rows stay queued; mend it and run this again.",
)
NO_ROOM = words("list_disk_full", "Channel {channel!r}: there is no room for the list {path}. Free some, run again.")
OTHER_COLUMNS = words(
    "list_columns_differ",
    "Channel {channel!r}: the list {path} has other columns ({found}) than the channel ({wanted}). "
    "Move the file away, then run this again.",
)
OUTSIDE = words(
    "list_outside", "Channel {channel!r}: the folder {folder!r} lies outside the workspace. Name one inside it."
)

_BOM = "\ufeff"
_KEY = "message_key"
_FORMULA = re.compile(r"[\s'\"]*[=+\-@|%＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d{1,11}(?:\.\d{1,6})?")
_UNSAFE = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """`folder` lies in the workspace; `columns` are headings with the names of their values.

    Names are tags and traits, and `address`, `text`, `customer_id`, `campaign`, `offer`. `split_by` names the value by
    which the list is cut into files, such as the shop.
    """

    folder: str = "lists"
    columns: Mapping[str, str] = field(
        default_factory=lambda: {"customer_id": "customer_id", "address": "address", "text": "text"}
    )
    split_by: str = ""


@channel_kind("file")
class ListFile(ChannelKind[FileOptions]):
    """Rows appended to CSV files."""

    carries = "list"
    options_type = FileOptions
    honours_key = True
    batch = 5_000

    def __init__(self, options: FileOptions, post: Post) -> None:
        super().__init__(options, post)
        self._keys: dict[Path, set[str]] = {}
        self._paths: dict[tuple[str, str], Path] = {}
        self._folder = (post.home / options.folder).resolve()

    async def open(self) -> None:
        """Refuse a folder outside the workspace."""
        if not self._folder.is_relative_to(self.post.home.resolve()):
            raise BadInput(OUTSIDE, channel=self.post.channel, folder=self.options.folder)

    @classmethod
    def twin(cls, home: Path) -> _Shelf:
        """The folder itself."""
        return _Shelf(home)

    async def deliver(self, batch: Sequence[Message]) -> Sequence[Handed]:
        """Append the rows whose key is not yet in their file, and sync."""
        by_file: dict[Path, list[Message]] = {}
        for message in batch:
            by_file.setdefault(self._path(message), []).append(message)
        answers: list[Handed] = []
        for path, messages in by_file.items():
            try:
                self._append(path, messages)
            except (Broken, Full, BadInput) as error:
                if not answers:
                    raise
                answers.extend(Handed(m.key, "untried", str(error)) for m in messages)
                continue
            answers.extend(Handed(m.key, "taken") for m in messages)
        return answers

    def _path(self, message: Message) -> Path:
        shop = str(message.values.get(self.options.split_by, "")) if self.options.split_by else ""
        known = self._paths.get((message.campaign, shop))
        if known is None:
            parts = (self.post.channel, message.campaign, shop)
            stem = "-".join(_UNSAFE.sub("_", part).strip("._") for part in parts if part)
            known = self._paths[message.campaign, shop] = self._folder / f"{stem[:120] or 'list'}.csv"
        return known

    def _append(self, path: Path, messages: Sequence[Message]) -> None:
        keys = self._keys.get(path)
        try:
            if keys is None:
                keys = self._keys[path] = self._open(path)
            rows = [self._row(m) for m in messages if _cell(m.key) not in keys]
            if rows:
                _append_synced(path, _lines(rows))
        except OSError as error:
            named = {"channel": self.post.channel, "path": str(path)}
            if error.errno == errno.ENOSPC:
                raise Full(NO_ROOM, **named) from None
            raise Broken(UNWRITABLE, why=error.strerror or str(error), **named) from None
        keys.update(_cell(m.key) for m in messages)

    def _open(self, path: Path) -> set[str]:
        """The keys in the file; a new file gets its heading, a row that was cut off is taken out."""
        heading = [_KEY, *self.options.columns]
        path.parent.mkdir(parents=True, exist_ok=True)
        body = path.read_bytes() if path.exists() else b""
        whole = body[: body.rfind(b"\n") + 1]
        if len(whole) < len(body):
            os.truncate(path, len(whole))
        rows = csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline=""))
        found = next(rows, None)
        if found is None:
            _append_synced(path, _BOM + _lines([heading]))
            return set()
        if found != [_cell(name) for name in heading]:
            columns = {"found": ", ".join(found), "wanted": ", ".join(heading)}
            raise BadInput(OTHER_COLUMNS, channel=self.post.channel, path=str(path), **columns)
        return {row[0] for row in rows if row}

    def _row(self, message: Message) -> list[str]:
        own = {
            "address": message.address,
            "text": message.rendered.text,
            "customer_id": message.customer_id,
            "campaign": message.campaign,
            "offer": message.offer,
        }
        values = (own.get(name, message.values.get(name, "")) for name in self.options.columns.values())
        return [message.key, *(str(value) for value in values)]


def _cell(text: str) -> str:
    """The cell as text on one line, closed against formulas and against 1.38E+10.

    >>> _cell("=HYPERLINK(1)"), _cell("-12.5"), _cell("a\\nb"), _cell("001")
    ("'=HYPERLINK(1)", '-12.5', 'a b', '\\t001')
    """
    line = " ".join(text.split())
    if _NUMBER.fullmatch(line) and not re.match(r"[+-]?0\d", line) and not line.startswith("+"):
        return line
    if line.isdecimal():
        return "\t" + line
    return "'" + line if _FORMULA.match(line) else line


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _append_synced(path: Path, text: str) -> None:
    """Append and sync; on an error the file is cut back to what it was."""
    before = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        if path.exists():
            os.truncate(path, before)
        raise


class _Shelf:
    """The lists in a folder, read back."""

    options: Mapping[str, object] = {"folder": "lists"}
    secrets: Mapping[str, str] = {}

    def __init__(self, home: Path) -> None:
        self._folder = home / "lists"

    def received(self) -> list[tuple[str, str]]:
        """Key and address of every row."""
        rows = []
        for path in sorted(self._folder.glob("*.csv")):
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows += [(row[_KEY].strip(), row["address"].strip("\t'")) for row in csv.DictReader(file)]
        return rows

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""
