"""Plain values out of what clients send."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from limner.flow.sources.live.base import Bad, Body, Request, Said
from limner.flow.sources.live.bodies import Unusable, form_of, from_base64, inflated, is_json, json_of


def text_of(value: Any) -> str:
    """An id as text: numbers as they are written, nothing for null, flags and structures.

    >>> [text_of(value) for value in ("a", 7, 7.0, None, True, {})]
    ['a', '7', '7', '', '', '']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def body_of(value: Any) -> Body:
    """A value that should be an object: itself, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def basic_user(headers: Mapping[str, str]) -> str:
    """The user name of HTTP Basic authentication; empty without.

    >>> basic_user({"authorization": "Basic S0VZOg=="})
    'KEY'
    """
    return _basic(headers.get("authorization", ""))


@lru_cache(maxsize=256)
def _basic(header: str) -> str:
    kind, _, given = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given, validate=True).decode("utf-8", errors="replace").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def query_of(request: Request) -> dict[str, str]:
    """The fields of a request's query; of one given twice the last."""
    try:
        found = parse_qs(request.query, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}


def whole_json(request: Request) -> Any:
    """The JSON of a body, packed or not."""
    return json_of(inflated(request.body))


def sent_json(request: Request, *names: str) -> Any:
    """The JSON a client sent as its body, or as the first of these fields of a form or of the query, as it is, in
    base64, or packed in base64."""
    body = inflated(request.body)
    if is_json(body):
        return json_of(body)
    fields = {**query_of(request), **form_of(body)}
    for name in names:
        if fields.get(name):
            return json_of(_plain(fields[name]))
    raise Unusable(Bad("no data", value=body[:80].decode("utf-8", errors="replace")))


def _plain(text: str) -> bytes:
    if is_json(text.encode("utf-8", errors="replace")[:8]):
        return text.encode("utf-8", errors="replace")
    return inflated(from_base64(text))


def each(found: Any, place: str) -> Iterator[tuple[str, Body | Bad]]:
    """The objects of a list, or the one object, with where each stands; what is no object is bad."""
    several = found if isinstance(found, list) else [found]
    for turn, one in enumerate(several):
        where = f"{place}[{turn}]" if isinstance(found, list) else place
        yield where, one if isinstance(one, Mapping) else Bad("not an object", where, str(one)[:80])


def unusable(said: Iterator[Said]) -> Iterator[Said]:
    """What is said, and why the rest cannot be used."""
    try:
        yield from said
    except Unusable as error:
        yield error.bad
