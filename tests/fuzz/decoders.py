"""Everything that reads bytes of others, as targets for fuzzing: whatever it is given, it answers or raises an error of
ours. `seeds` are bytes a target understands, to begin from."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from limner.core.errors import LimnerError
from limner.flow.sources.base import Laid, ReadOptions, readers
from limner.flow.sources.definition import LiveMap, Source
from limner.flow.sources.live.base import Request, protocols
from limner.flow.sources.live.bodies import Unusable, form_of, from_base64, inflated, json_of
from limner.flow.sources.live.gather import Protocols, Reading, gather
from limner.flow.sources.live.stamps import micros
from limner.store.stream.envelope import Envelope, joined, packed, unpacked
from limner.store.stream.frames import Sealer, frames

_EVENT = {
    "type": "track", "event": "Order Completed", "name": "支付订单", "userId": "u1", "anonymousId": "a1", "user": "u1",
    "messageId": "m1", "timestamp": "2026-09-01T10:00:00+08:00", "properties": {"order_id": "O1", "price": 1.5},
    "traits": {"phone": "13812349876"}, "distinct_id": "u1", "time": 1795312800000, "#type": "track",
    "products": [{"product_id": "P1", "quantity": 2}], "lines": [{"item_id": "P1", "price": "5.5"}],
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """What is called with bytes, and bytes that it understands."""

    call: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _said(name: str) -> Callable[[bytes], None]:
    """A request of a protocol with these bytes as its body and, where they are text, as its query: read to columns."""
    kinds = Protocols()
    kind = protocols.find(name)()
    reading = Reading({"web": Source("web", live=LiveMap(repeats="content"))}, "Asia/Shanghai", {"price": "number"})

    def call(data: bytes) -> None:
        method, path = kind.routes[0]
        query = data[:200].decode("latin-1")
        for request in (Request(method, path, "", {}, data), Request(method, path, query, {}, b"")):
            kind.key(request)
            kind.answer(request)
            list(kind.said(request))
        envelope = Envelope(1_795_312_800_000_000, "web", name, f"{method} {path}", "", "", data)
        for heard in gather([envelope], kinds, reading, {}, {}).values():
            for part in heard.gathering.parts.values():
                part.table()

    return call


def _body(data: bytes) -> None:
    with suppress(Unusable):
        plain = inflated(data, most=1 << 20)
        form_of(plain)
        json_of(plain)
    with suppress(Unusable):
        from_base64(data.decode("latin-1"))


def _stamp(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    for value in (text, *_numbers(text)):
        found = micros(value)
        assert found is None or isinstance(found, int)


def _numbers(text: str) -> Iterator[float]:
    with suppress(ValueError):
        yield float(text)


def _envelopes(data: bytes) -> None:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):  # only what a seal holds together gets here
        unpacked(data)


class _Vault:
    """Keys without a vault."""

    def file_key(self, name: str) -> tuple[bytes, bytes]:
        return b"k" * 32, b"w" * 40

    def key_of(self, wrapped: bytes, name: str) -> bytes:
        return b"k" * 32


@cache
def _place() -> Path:
    return Path(tempfile.mkdtemp())


def _frames(data: bytes) -> None:
    path = _place() / "segment"
    path.write_bytes(data)
    for is_open in (True, False):
        with suppress(LimnerError):
            list(frames(path, _Vault(), "segment", is_open=is_open))  # type: ignore[arg-type]


def _file(kind: str, suffix: str, options: ReadOptions) -> Callable[[bytes], None]:
    def call(data: bytes) -> None:
        path = _place() / f"file{suffix}"
        path.write_bytes(data)
        reader = readers.find(kind)()
        with suppress(LimnerError):
            columns = list(reader.columns(path, options))
            for chunk in reader.chunks(path, options, columns, 100):
                assert chunk.rows.num_rows <= 100

    return call


def _seeds(name: str) -> tuple[bytes, ...]:
    """An event of every form that a protocol's clients use, plain, packed, and in a form."""
    batches = [{"batch": [_EVENT]}, [_EVENT], {"events": [_EVENT]}, {"data": [_EVENT]}, _EVENT]
    plain = [json.dumps(one, ensure_ascii=False).encode() for one in batches]
    coded = base64.b64encode(gzip.compress(plain[1]))
    return (*plain, gzip.compress(plain[0]), b"data_list=" + coded + b"&gzip=1", b"data=" + base64.b64encode(plain[4]))


def _sealed() -> bytes:
    sealer = Sealer(_Vault(), "segment")  # type: ignore[arg-type]
    return sealer.head + sealer.seal(b"one") + sealer.seal(b"two")


def _workbook() -> bytes:
    import xlsxwriter

    kept = io.BytesIO()
    with xlsxwriter.Workbook(kept) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate((["订单号", "金额"], ["O1", 1.5], ["O2", None])):
            sheet.write_row(at, 0, row)
    return kept.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = io.BytesIO()
    pq.write_table(pa.table({"a": ["1", None], "b": [1, 2]}), kept)
    return kept.getvalue()


_CSV = '订单号,金额\nO1,"1,5"\nO2,2\n'
_FIXED = ReadOptions("", "", "", 0, "", "", (), Laid((("a", 0, 4), ("b", 4, 6)), is_bytes=True, length=10), "")
_PLAIN = ReadOptions("", "", "", 0, "", "", (), None, "")
_BARS = ReadOptions("", "||", "", 1, "'", "\\", ("a", "b"), None, "`")

TARGETS: dict[str, Target] = {
    **{f"protocol_{name}": Target(_said(name), _seeds(name)) for name, _ in sorted(protocols)},
    "body": Target(_body, (gzip.compress(b'{"a": [1, {"b": null}]}'), b"data=eyJ9&gzip=1", b"\xef\xbb\xbf[NaN]")),
    "stamp": Target(_stamp, (b"2026-09-01T10:00:00+08:00", b"1795312800000", b"1e309", b"-0.0")),
    "envelopes": Target(_envelopes, (joined([packed(Envelope(1, "web", "own", "POST /c", "", "", b"{}"))]),)),
    "frames": Target(_frames, (_sealed(),)),
    "csv": Target(_file("csv", ".csv", _PLAIN), (_CSV.encode(), _CSV.encode("gb18030"), _CSV.encode("utf-16"))),
    "csv_gzip": Target(_file("csv", ".csv.gz", _PLAIN), (gzip.compress(_CSV.encode()),)),
    "csv_bars": Target(_file("csv", ".csv", _BARS), (b"title\nO1||'x||y'\nO2||\\'2\n",)),
    "fixed": Target(_file("fixed", ".txt", _FIXED), (b"O1  12.5  \nO2  3     \n",)),
    "jsonl": Target(_file("jsonl", ".jsonl", _PLAIN), (b'{"a": 1, "b": {"c": [1]}}\n{"a": "x"}\n',)),
    "parquet": Target(_file("parquet", ".parquet", _PLAIN), (_parquet(),)),
    "excel": Target(_file("excel", ".xlsx", _PLAIN), (_workbook(),)),
}
"""Every decoder by its name."""
