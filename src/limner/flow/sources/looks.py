"""A look at a file of unknown meaning: what its headers and values make each column out to be."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from limner.core.errors import BadInput
from limner.core.moments import Order, moment
from limner.core.normal import amount, identifier, is_empty, text
from limner.flow.sources.base import EMPTY_FILE, LINE, ReadOptions, reader_of

LOOKED_AT = 2_000
_SURE, _LIKELY = 0.9, 0.6

IDENTIFIERS = (
    "member_no", "customer_no", "unionid", "openid", "external_userid", "phone", "email", "tmall_nick", "device_id",
    "cookie",
)  # fmt: skip
"""Roles that are identifiers, the strongest first."""

MONEY = ("paid", "payable", "refunded", "price", "list_price", "discount", "coupon_amount", "cost")
NUMBERS = (*MONEY, "quantity", "points", "longitude", "latitude")
STAMPS = ("paid_at", "created_at", "happened_at", "refunded_at", "joined_at", "closed_at", "birthday", "on_sale_at")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column looks like: the role guessed, why, and shares of its filled values that read as this or that."""

    name: str
    role: str
    is_sure: bool
    why: str
    filled: float
    distinct: float
    stamps: float
    amounts: float
    negative: float
    order: Order
    most: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A file, its columns by name, how many rows were looked at, and those rows as text."""

    path: Path
    kind: str
    columns: Mapping[str, Column]
    rows: tuple[Mapping[str, str], ...]

    def column(self, *roles: str) -> str:
        """The column of the first of these roles that is there; empty when none is."""
        for role in roles:
            for column in self.columns.values():
                if column.role == role:
                    return column.name
        return ""

    def all(self, *roles: str) -> list[Column]:
        """Every column of these roles, in the order of the roles."""
        return [column for role in roles for column in self.columns.values() if column.role == role]


@cache
def _headers() -> Mapping[str, tuple[frozenset[str], tuple[str, ...]]]:
    table = tomllib.loads(files("limner.flow.sources").joinpath("headers.toml").read_text("utf-8"))
    return MappingProxyType({role: (frozenset(row["exact"]), tuple(row["within"])) for role, row in table.items()})


def role_of(header: str) -> tuple[str, bool]:
    """The role a header names, and whether it names it outright; empty when it names none.

    >>> role_of("会员手机号"), role_of("Order ID"), role_of("xyz")
    (('phone', True), ('order_id', True), ('', False))
    """
    plain = re.sub(r"[\s_\-./()（）:：]+", "", text(header).lower())
    for role, (exact, _) in _headers().items():
        if plain in exact:
            return role, True
    for role, (_, within) in _headers().items():
        if any(word in plain for word in within):
            return role, False
    return "", False


def look_at(path: Path, options: ReadOptions | None = None) -> Look:
    """Look at the head of a file. Raises what its reader raises; an empty file is BadInput."""
    options = options or ReadOptions()
    kind, reader = reader_of(path)
    names = list(reader.columns(path, options))
    chunk = next(iter(reader.chunks(path, options, names, LOOKED_AT)), None)
    if chunk is None or not chunk.rows.num_rows:
        raise BadInput(EMPTY_FILE, path=path, what="rows")
    rows = [{name: _said(row.get(name)) for name in names} for row in islice(_pylist(chunk.rows), LOOKED_AT)]
    values = {name: [row[name] for row in rows if not is_empty(row[name])] for name in names}
    columns = {name: _column(name, found, len(rows)) for name, found in values.items()}
    return Look(path, kind, MappingProxyType(_settled(columns)), tuple(MappingProxyType(row) for row in rows))


def _pylist(rows: Any) -> Any:
    return rows.drop_columns([LINE]).slice(0, LOOKED_AT).to_pylist()


def _said(value: object) -> str:
    return "" if value is None else text(str(value))


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0


def _column(name: str, values: Sequence[str], rows: int) -> Column:
    some = values[:300]
    role, is_exact = role_of(name)
    stamps = _share(sum(moment(v, UTC, first_year=1900).instant is not None for v in some), len(some))
    order: Order = "ymd"
    if some and stamps < _LIKELY:
        order, stamps = _best_order(some, stamps)
    amounts = [amount(v).value for v in some]
    most = tuple(v for v, _ in Counter(values).most_common(8))
    column = Column(
        name=name,
        role=role,
        is_sure=is_exact,
        why="",
        filled=_share(len(values), rows),
        distinct=_share(len(set(values)), len(values)),
        stamps=stamps,
        amounts=_share(sum(a is not None for a in amounts), len(some)),
        negative=_share(sum(a is not None and a < 0 for a in amounts), len(some)),
        order=order,
        most=most,
    )
    return _by_values(column, some) if not role or not is_exact else _doubted(column, some)


def _best_order(values: Sequence[str], stamps: float) -> tuple[Order, float]:
    best: tuple[Order, float] = ("ymd", stamps)
    for order in ("dmy", "mdy"):
        share = _share(
            sum(moment(v, UTC, order=order, first_year=1900).instant is not None for v in values), len(values)
        )
        if share > best[1]:
            best = (order, share)
    return best


def _with(column: Column, role: str, why: str, *, is_sure: bool) -> Column:
    return replace(column, role=role, why=why, is_sure=is_sure)


def _by_values(column: Column, values: Sequence[str]) -> Column:
    """What the values say where the header does not say it outright."""
    phones = _share(sum(identifier("phone", v).value is not None for v in values), len(values))
    emails = _share(sum(identifier("email", v).value is not None for v in values), len(values))
    if phones >= _LIKELY and values:
        return _with(column, "phone", f"{phones:.0%} of its values are mobile phones", is_sure=phones >= _SURE)
    if emails >= _LIKELY and values:
        return _with(column, "email", f"{emails:.0%} of its values are mail addresses", is_sure=emails >= _SURE)
    doubted = _doubted(column, values)
    if doubted.role:
        return doubted
    if column.stamps >= _SURE and column.amounts < _SURE:
        return _with(column, "happened_at", f"{column.stamps:.0%} of its values are dates", is_sure=False)
    return doubted


def _doubted(column: Column, values: Sequence[str]) -> Column:
    """The header's role, unless the values speak against it."""
    role = column.role
    is_against = bool(values) and (
        (role in STAMPS and column.stamps < _LIKELY) or (role in NUMBERS and column.amounts < _LIKELY)
    )
    if is_against:
        return _with(column, "", f"its header says {role}, its values do not", is_sure=False)
    return _with(column, role, "its header says so" if role else "", is_sure=column.is_sure)


def _settled(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Each role at one column: the sure one before the likely one, the fuller one before the emptier one."""
    taken: dict[str, Column] = {}
    for column in columns.values():
        rival = taken.get(column.role)
        if rival is None or (column.is_sure, round(column.filled, 2)) > (rival.is_sure, round(rival.filled, 2)):
            taken[column.role] = column
    return {
        name: column
        if not column.role or taken[column.role] is column
        else _with(column, "", "another column is it", is_sure=False)
        for name, column in columns.items()
    }
