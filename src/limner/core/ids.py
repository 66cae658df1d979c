"""Ids: slugs, versions by content, customer ids and hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from limner.core.errors import BadDefinition, words

BAD_SLUG = words(
    "bad_slug",
    "The id {slug!r} of a {kind} cannot be used. Use 1 to 80 letters, digits, - and _, beginning with a letter; "
    "put the display name in `name`.",
)
_SLUG = re.compile(r"[a-z][a-z0-9_.-]{0,79}", re.ASCII | re.IGNORECASE)
_BLOCK = 64
"""Bytes of a block of SHA-256."""
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def slug(text: str, kind: str) -> str:
    """The text itself when it may be an id of a definition."""
    if not _SLUG.fullmatch(text):
        raise BadDefinition(BAD_SLUG, slug=text, kind=kind)
    return text


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} has no canonical form")


def canonical(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, decimals and instants as text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def version(value: object) -> str:
    """The version of a definition: the first 12 hex digits of SHA-256 of its canonical JSON.

    >>> version({"b": 1, "a": 2}) == version({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:12]


def identifier_hash(key: bytes, kind: str, normal: str) -> bytes:
    """The keyed hash of an identifier: 16 bytes of HMAC-SHA256(key, kind | normal form)."""
    return hmac.digest(key, f"{kind}|{normal}".encode(), "sha256")[:16]


def identifier_hashes(key: bytes, kind: str, normals: Iterable[str]) -> list[bytes]:
    """`identifier_hash` of many of a kind, in half the time: key and kind are taken in once (RFC 2104).

    >>> identifier_hashes(b"k", "phone", ["+8613812349876"]) == [identifier_hash(b"k", "phone", "+8613812349876")]
    True
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"{kind}|".encode())
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    inner_copy, outer_copy = inner.copy, outer.copy
    found = []
    for normal in normals:
        one, both = inner_copy(), outer_copy()
        one.update(normal.encode())
        both.update(one.digest())
        found.append(both.digest()[:16])
    return found


def customer_id(key: bytes, number: int) -> str:
    """The lasting public id of a customer number: "c" and 13 base-32 letters.

    >>> customer_id(b"k", 1) == customer_id(b"k", 1) != customer_id(b"k", 2)
    True
    """
    bits = int.from_bytes(hmac.digest(key, b"customer|" + str(number).encode(), "sha256")[:9], "big") >> 7
    return "c" + "".join(_BASE32[(bits >> shift) & 31] for shift in range(60, -5, -5))
