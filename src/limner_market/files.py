"""Writing tables as the shop has them (CSV in two encodings, JSON lines, Excel) or plainly (one Parquet file per
kind)."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from limner_market.days import SHIFT, stamp_text
from limner_market.sheets import laid_out, write_sheet

Formats = Literal["shop", "plain"]
# Columns whose values hardly repeat: a dictionary would only cost time.
_UNLIKE = """
openid unionid mobile session time created_at message_key at 会员号 手机号 邮箱 入会时间 微信unionid 小程序openid 时间
订单编号 子订单编号 买家昵称 收货人手机 订单创建时间 付款时间 退款编号 退款完成时间 小票号 销售时间
"""
_ONE_EACH = frozenset(_UNLIKE.split())
BAD_DATE = "2026-13-45 99:61"
_BATCH = 100_000
_AT_ONCE = 4
"""Tables that wait for the writer at most."""

# kind: how a shop has it. Market-place exports changed their encoding with the new year 2026.
_SHAPES = {
    "members": "csv gb18030",
    "mini-users": "jsonl",
    "clicks": "jsonl",
    "tmall-orders": "csv market",
    "tmall-refunds": "csv market",
    "pos": "xlsx",
    "items": "csv utf-8",
    "consents": "csv utf-8",
    "sites": "csv utf-8",
    "receipts": "jsonl",
}


@dataclass(frozen=True, slots=True)
class Written:
    """One file: what kind of table it holds, where it lies, how many rows."""

    kind: str
    path: Path
    rows: int


class Folder(Protocol):
    """Where tables go."""

    def add(self, kind: str, word: str, table: pa.Table) -> None:
        """Write one table; `word` is the period in the file's name, empty for none."""

    def close(self) -> tuple[Written, ...]:
        """Finish all files and say which they are."""


@dataclass
class ShopFolder:
    """Files as a shop has them, one per kind and period."""

    path: Path
    written: list[Written] = field(default_factory=list)

    def add(self, kind: str, word: str, table: pa.Table) -> None:
        """Write one table as the file a shop would have."""
        shape, _, encoding = _SHAPES[kind].partition(" ")
        target = self.path / f"{kind}{'-' if word else ''}{word}.{shape}"
        if shape == "csv":
            _write_csv(table, target, _encoding(encoding, word))
        elif shape == "jsonl":
            _write_jsonl(table, target)
        else:
            write_sheet(_as_text(table, BAD_DATE), target)
        self.written.append(Written(kind, target, table.num_rows))

    def close(self) -> tuple[Written, ...]:
        """All files, in the order they were written."""
        return tuple(self.written)


@dataclass
class PlainFolder:
    """One Parquet file per kind, typed; `word` names the files of the period, empty for history."""

    path: Path
    word: str = ""
    writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, word: str, table: pa.Table) -> None:
        """Append one table to the file of its kind."""
        del word
        if kind not in self.writers:
            names = [name for name in table.column_names if name not in _ONE_EACH]
            self.writers[kind] = pq.ParquetWriter(
                self._target(kind), table.schema, compression="zstd", compression_level=1, use_dictionary=names
            )
        if table.num_rows:
            self.writers[kind].write_table(table)
        self.rows[kind] = self.rows.get(kind, 0) + table.num_rows

    def close(self) -> tuple[Written, ...]:
        """Finish all files, in the order they were begun."""
        for writer in self.writers.values():
            writer.close()
        return tuple(Written(kind, self._target(kind), rows) for kind, rows in self.rows.items())

    def _target(self, kind: str) -> Path:
        return self.path / f"{kind}{'-' if self.word else ''}{self.word}.parquet"


class Behind:
    """A folder that is written by a thread of its own, one table after the other in the order they came."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[None]] = deque()

    def add(self, kind: str, word: str, table: pa.Table) -> None:
        """Hand one table to the writer; waits while as many are still to be written as memory should hold."""
        self._settle(_AT_ONCE - 1)
        self._waiting.append(self._writer.submit(self._folder.add, kind, word, table))

    def close(self) -> tuple[Written, ...]:
        """Wait for all files and say which they are; raises what kept one from being written."""
        try:
            self._settle(0)
        finally:
            self._writer.shutdown()
        return self._folder.close()

    def _settle(self, left: int) -> None:
        while len(self._waiting) > left:
            self._waiting.popleft().result()


def open_folder(path: Path, formats: Formats, word: str = "") -> Folder:
    """A folder to write into; it is made when it does not exist. Formats other than shop and plain are refused."""
    if formats not in ("shop", "plain"):
        raise ValueError(f"formats is {formats!r}; it must be 'shop' or 'plain'")
    path.mkdir(parents=True, exist_ok=True)
    return Behind(ShopFolder(path) if formats == "shop" else PlainFolder(path, word))


def _encoding(named: str, word: str) -> str:
    if named != "market":
        return named
    return "gb18030" if word < "2026" else "utf-8-sig"


def _as_text(table: pa.Table, missing: str = "") -> pa.Table:
    """Instants as local text (`missing` where there is none); everything else as it is."""
    columns = []
    for column in table.columns:
        one = column.combine_chunks()
        if pa.types.is_timestamp(one.type):
            one = stamp_text(_seconds(one)).fill_null(missing)
        columns.append(one)
    return pa.table(columns, names=table.column_names)


def _seconds(instants: pa.Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    micro = instants.cast(pa.int64()).fill_null(-(SHIFT + 1) * 1_000_000).to_numpy()
    return np.asarray(micro // 1_000_000 + SHIFT)


def _write_csv(table: pa.Table, target: Path, encoding: str) -> None:
    columns = [c.cast(pa.string()) if pa.types.is_decimal(c.type) else c for c in _as_text(table).columns]
    text = pa.table(columns, names=table.column_names)
    with target.open("wb") as out:
        if encoding == "utf-8-sig":
            out.write(b"\xef\xbb\xbf")
        out.write((",".join(table.column_names) + "\n").encode("gb18030" if encoding == "gb18030" else "utf-8"))
        for batch in text.to_batches(max_chunksize=_BATCH):
            sink = pa.BufferOutputStream()
            options = pa_csv.WriteOptions(include_header=False, quoting_style="none")
            pa_csv.write_csv(batch, sink, options)
            raw = sink.getvalue().to_pybytes()
            out.write(raw.decode("utf-8").encode("gb18030") if encoding == "gb18030" else raw)


def _write_jsonl(table: pa.Table, target: Path) -> None:
    with target.open("wb") as out:
        for batch in table.to_batches(max_chunksize=_BATCH):
            pieces: list[pa.Array | str] = []
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                pieces += [f'{"," if pieces else "{"}"{name}":', _json(column)]
            out.write(laid_out(pc.binary_join_element_wise(*pieces, "}\n", "")))


def _json(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        column = stamp_text(_seconds(column), "T", "+08:00")
    return pc.binary_join_element_wise('"', column, '"', "").fill_null("null")
