"""Definitions: frozen values read from YAML or JSON, and written back, with errors that name the place.

A definition class is a frozen dataclass with an `id`; `@definition("tags")` says in which folder its files lie.
Field types may be text, numbers, Decimal, bool, timedelta (a span such as 90d), other dataclasses, tuples and mappings
of these, and unions with None.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from limner.core.errors import BadDefinition, BadInput, LimnerError, near, words
from limner.core.spans import parse_span, span_text

UNKNOWN_FIELD = words("definition_field_unknown", "{place}: {what} has no field {field!r}.")
MISSING_FIELD = words("definition_field_missing", "{place}: {what} needs the field {field!r}.")
BAD_FIELD = words("definition_field_bad", "{place}: {field} is {value!r}, it must be {bound}.")
NOT_A_MAPPING = words("definition_not_a_mapping", "{place}: this must be a mapping of names to values, not {value!r}.")

T = TypeVar("T")

FOLDERS: dict[str, type] = {}
"""Folder name (plural) → definition class; filled by the decorator."""


def definition(folder: str) -> Callable[[type[T]], type[T]]:
    """Declare a definition class and the folder its files lie in."""

    def declare(cls: type[T]) -> type[T]:
        FOLDERS[folder] = cls
        return cls

    return declare


def read(cls: type[T], mapping: object, place: str) -> T:
    """Build a definition from a mapping; every error names the place and the field.

    >>> from limner.core.ours import Audience
    >>> read(Audience, {"id": "vip", "rule": "orders > 3"}, "audiences/vip.yaml").rule
    'orders > 3'
    """
    if not isinstance(mapping, Mapping):
        raise BadDefinition(NOT_A_MAPPING, place=place, value=mapping)
    what = cls.__name__
    hints = _hints(cast("Any", cls))
    known = {f.name: f for f in fields(cast("Any", cls))}
    for name in mapping:
        if name not in known:
            raise BadDefinition(UNKNOWN_FIELD, near=near(str(name), known), place=place, what=what, field=name)
    values: dict[str, object] = {}
    for name, field in known.items():
        if name in mapping:
            values[name] = _value(hints[name], mapping[name], place, name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise BadDefinition(MISSING_FIELD, place=place, what=what, field=name)
    return cls(**values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _bad(place: str, name: str, value: object, bound: str) -> LimnerError:
    return BadDefinition(BAD_FIELD, place=place, field=name, value=value, bound=bound)


def _value(hint: Any, value: object, place: str, name: str) -> object:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(hint), value, place, name)
    if origin is Literal:
        if value not in get_args(hint):
            raise _bad(place, name, value, "one of " + ", ".join(map(repr, get_args(hint))))
        return value
    if origin is tuple:
        return _tuple(get_args(hint)[0], value, place, name)
    if origin in (Mapping, dict) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise _bad(place, name, value, "a mapping")
        inner = get_args(hint)[1]
        return {str(k): _value(inner, v, place, f"{name}.{k}") for k, v in value.items()}
    if is_dataclass(hint):
        return read(cast("type", hint), value, f"{place}: {name}")
    if hint is object or hint is Any:
        return value
    return _scalar(hint, value, place, name)


def _one_of(options: tuple[Any, ...], value: object, place: str, name: str) -> object:
    if value is None and type(None) in options:
        return None
    first: LimnerError | None = None
    for option in options:
        if option is type(None):
            continue
        try:
            return _value(option, value, place, name)
        except BadDefinition as error:
            first = first or error
    raise first or _bad(place, name, value, "empty")


def _tuple(inner: Any, value: object, place: str, name: str) -> tuple[object, ...]:
    if isinstance(value, str) and inner is str:
        return (value,)
    if not isinstance(value, list | tuple):
        raise _bad(place, name, value, "a list")
    return tuple(_value(inner, v, place, f"{name}[{i}]") for i, v in enumerate(value))


def _scalar(hint: type, value: object, place: str, name: str) -> object:
    if hint is bool:
        if isinstance(value, bool):
            return value
        raise _bad(place, name, value, "true or false")
    if hint is str:
        return _text(value, place, name)
    if isinstance(value, bool) or value is None:
        raise _bad(place, name, value, _BOUNDS.get(hint, hint.__name__))
    try:
        if hint is int and isinstance(value, int):
            return value
        if hint is float and isinstance(value, int | float):
            return float(value)
        if hint is Decimal and isinstance(value, int | float | str | Decimal) and Decimal(str(value)).is_finite():
            return Decimal(str(value))
        if hint is timedelta and isinstance(value, timedelta):
            return value
        if hint is timedelta and isinstance(value, str):
            return parse_span(value)
    except (InvalidOperation, BadInput):
        pass
    raise _bad(place, name, value, _BOUNDS.get(hint, hint.__name__))


def _text(value: object, place: str, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _bad(place, name, value, "text")


_BOUNDS = {
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    timedelta: "a span such as 90d or 12h",
}


def as_mapping(value: object) -> Any:
    """A definition as plain JSON-able values, fields at their default left out; `read` of it gives the same value."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for field in fields(value):
            part = getattr(value, field.name)
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            if part != default:
                plain[field.name] = as_mapping(part)
        return plain
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else format(value.normalize(), "f")
    if isinstance(value, tuple | list):
        return [as_mapping(v) for v in value]
    if isinstance(value, Mapping):
        return {k: as_mapping(v) for k, v in value.items()}
    return value
