"""Bodies as they are sent: packed or not, JSON or a form, whatever the header says; and never more than a bound."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

import msgspec

from limner.flow.sources.live.base import Bad

MOST: Final = 32 << 20
"""Bytes of a body unpacked."""

DEEPEST: Final = 32
"""Levels of a body's JSON; deeper values are cut off."""

_GZIP: Final = b"\x1f\x8b"
_json = msgspec.json.Decoder()


class Unusable(Exception):
    """A body that says nothing we can read; it never leaves this package."""

    def __init__(self, bad: Bad) -> None:
        super().__init__(bad.reason)
        self.bad = bad


def inflated(body: bytes, most: int = MOST) -> bytes:
    """A body without its packing: gzip or zlib, once or twice. More than `most` bytes are not unpacked.

    >>> import gzip
    >>> inflated(gzip.compress(b"{}"))
    b'{}'
    """
    for _ in range(2):
        if body[:2] == _GZIP:
            body = _unpacked(body, 31, most)
        elif body[:1] == b"\x78" and body[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
            body = _unpacked(body, 15, most)
    if len(body) > most:
        raise Unusable(Bad("larger than may be", value=str(len(body))))
    return body


def _unpacked(body: bytes, bits: int, most: int) -> bytes:
    """One layer, every member of it."""
    parts, size = [], 0
    while body:
        engine = zlib.decompressobj(bits)
        try:
            part = engine.decompress(body, most - size + 1)
        except zlib.error:
            raise Unusable(Bad("packing broken")) from None
        size += len(part)
        if size > most or engine.unconsumed_tail:
            raise Unusable(Bad("larger than may be when unpacked", value=f"> {most}"))
        if not engine.eof:
            raise Unusable(Bad("packing cut off"))
        parts.append(part)
        body = engine.unused_data
    return b"".join(parts)


def json_of(body: bytes) -> Any:
    """JSON as plain values, deep ones cut off; what is no JSON raises `Unusable`."""
    try:
        found = _json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return _json_of_text(body)
    except RecursionError:
        raise Unusable(Bad("nested too deeply")) from None
    return found


def _json_of_text(body: bytes) -> Any:
    """JSON that is not UTF-8, has a mark before it or unpaired halves of letters, or NaN."""
    import json

    text = body.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise Unusable(Bad("nested too deeply")) from None
    except ValueError:
        raise Unusable(Bad("not JSON", value=text[:80])) from None


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a form; of a field given twice the last.

    >>> form_of(b"data=eyJ9&gzip=1")
    {'data': 'eyJ9', 'gzip': '1'}
    """
    text = body.decode("utf-8", errors="replace")
    try:
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=64).items()}
    except ValueError:
        return {}


def from_base64(text: str) -> bytes:
    """The bytes of base64 text in either alphabet, padded or not, with %-escapes left in or not."""
    plain = unquote_plus(text).replace(" ", "+") if "%" in text else text.replace(" ", "+")
    plain = plain.replace("-", "+").replace("_", "/").strip()
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable(Bad("not base64", value=text[:40])) from None


def is_json(body: bytes) -> bool:
    """Whether a body looks like JSON."""
    return body.lstrip()[:1] in (b"{", b"[")
