"""Statements of the lake: `.sql` files with typed placeholders, made into trees; never put together from text.

A file opens with comment lines that declare what it is given, such as ``-- asof: timestamp, days: int``; other comment
lines are prose. In the text a value stands as ``:asof`` and a table under its declared name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.store.lake.checked import checked, lineage
from limner.store.lake.dialects import DIALECTS, write
from limner.store.lake.functions import UNKNOWN_FUNCTION, functions, listed_nodes, tokens, unreadable

__all__ = ["DIALECTS", "checked", "lineage", "literal", "statement", "write"]

NOT_DECLARED = words("statement_not_declared", "{place}: `:{name}` is used and not declared in the first lines.")
NOT_GIVEN = words("statement_not_given", "{place}: the value {name!r} is missing.")
NOT_ASKED = words("statement_not_asked", "{place}: there is no value {name!r} in this statement.")
BAD_VALUE = words("statement_bad_value", "{place}: {name} is {value!r}, it must be {bound}.")
BAD_TYPE = words("statement_bad_type", "{place}: {name} is declared as {type!r}. Known types: {known}.")
NOT_A_QUERY = words("statement_not_a_query", "{place}: this must be one SELECT, and is {got}.")

_DECLARES = re.compile(r"--\s*(\w+\s*:\s*\w+(?:\s*,\s*\w+\s*:\s*\w+)*)\s*$")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of placeholder: whether a value fits, what is asked for in words, and the tree it becomes."""

    fits: Callable[[object], bool]
    bound: str
    tree: Callable[[object], exp.Expr]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(value: object) -> exp.Expr:
    number = exp.Literal.number(abs(int(str(value))))
    return exp.Neg(this=number) if int(str(value)) < 0 else number


def _instant(value: object) -> exp.Expr:
    text = str(value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")) if isinstance(value, datetime) else ""
    return exp.cast(exp.Literal.string(text), exp.DataType.Type.TIMESTAMPTZ)


def _decimal(value: object) -> exp.Expr:
    number = exp.Literal.string(format(Decimal(str(value)), "f"))
    return exp.cast(number, exp.DataType.build("decimal(18, 4)", dialect="duckdb"))


def _text(value: object) -> exp.Expr:
    return exp.Literal.string(str(value))


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "timestamp": Kind(
            lambda v: isinstance(v, datetime) and v.tzinfo is not None, "an instant with a zone", _instant
        ),
        "date": Kind(
            lambda v: isinstance(v, date) and not isinstance(v, datetime),
            "a date",
            lambda v: exp.cast(exp.Literal.string(str(v)), exp.DataType.Type.DATE),
        ),
        "int": Kind(_is_whole, "a whole number", _whole),
        "decimal": Kind(
            lambda v: (isinstance(v, Decimal) and v.is_finite()) or _is_whole(v),
            "a whole number or a Decimal",
            _decimal,
        ),
        "text": Kind(lambda v: isinstance(v, str) and "\0" not in v, "text", _text),
        "bool": Kind(lambda v: isinstance(v, bool), "true or false", lambda v: exp.Boolean(this=v)),
    }
)
LISTS: Final[Mapping[str, str]] = MappingProxyType({"ints": "int", "texts": "text"})
"""A list stands in `x in (:name)`; an empty list holds nothing, so the condition is false."""


def literal(value: object, kind: str, *, name: str = "value", place: str = "sql") -> exp.Expr:
    """The typed literal of a value: `timestamp`, `date`, `int`, `decimal`, `text` or `bool`.

    >>> literal("it's", "text").sql("duckdb")
    "'it''s'"
    """
    if not KINDS[kind].fits(value):
        raise BadInput(BAD_VALUE, place=place, name=name, value=value, bound=KINDS[kind].bound)
    return KINDS[kind].tree(value)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A `.sql` file, read once: its tree and what it must be given."""

    place: str
    tree: exp.Query
    needs: Mapping[str, str]


def statement(package: str, file: str, **given: object) -> exp.Query:
    """The query of a `.sql` resource with the values put in as typed literals and the tables by name.

    A declared `table` is given as an `exp.Table` or `exp.Query` and takes the place of the table of that name.
    Raises BadInput for a value that is missing, not asked for or of another type.
    """
    prepared = load(package, file)
    for name in given:
        if name not in prepared.needs:
            raise BadInput(NOT_ASKED, near=near(name, prepared.needs), place=prepared.place, name=name)
    for name in prepared.needs:
        if name not in given:
            raise BadInput(NOT_GIVEN, place=prepared.place, name=name)
    tree = prepared.tree.copy()
    _put_values(tree, prepared, given)
    _put_tables(tree, prepared, given)
    return tree


@cache
def load(package: str, file: str) -> Prepared:
    """Read, check and parse a `.sql` resource."""
    place = f"{package.replace('.', '/')}/{file}"
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    needs = declared(text, place)
    tokens(text, place)
    try:
        trees = [tree for tree in parse(text, read="duckdb") if tree is not None]
    except SqlglotError as error:
        raise unreadable(error, text, place) from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise BadDefinition(NOT_A_QUERY, place=place, got=", ".join(type(tree).__name__ for tree in trees))
    tree = trees[0]
    for node in tree.walk():
        node.comments = None
    _only_listed(tree, place)
    for placeholder in tree.find_all(exp.Placeholder):
        if needs.get(placeholder.name, "table") == "table":
            raise BadDefinition(NOT_DECLARED, near=near(placeholder.name, needs), place=place, name=placeholder.name)
    return Prepared(place, tree, MappingProxyType(needs))


def declared(text: str, place: str) -> dict[str, str]:
    """The names and types declared in the first comment lines of a file.

    >>> declared("-- asof: timestamp, days: int\\nselect 1", "a.sql")
    {'asof': 'timestamp', 'days': 'int'}
    """
    needs: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("--"):
            break
        found = _DECLARES.match(line)
        for pair in found[1].split(",") if found else ():
            name, kind = (part.strip() for part in pair.split(":"))
            if kind not in KINDS and kind not in LISTS and kind != "table":
                known = ", ".join([*KINDS, *LISTS, "table"])
                raise BadDefinition(
                    BAD_TYPE, near=near(kind, [*KINDS, *LISTS]), place=place, name=name, type=kind, known=known
                )
            needs[name] = kind
    return needs


def _only_listed(tree: exp.Query, place: str) -> None:
    """Refuse functions written without brackets, such as current_date, and those SQLGlot does not know."""
    for node in tree.find_all(exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        is_known = name.lower() in functions() if isinstance(node, exp.Anonymous) else type(node) in listed_nodes()
        if not is_known and not isinstance(node, exp.Connector | exp.Case | exp.If | exp.Exists):
            raise BadDefinition(UNKNOWN_FUNCTION, near=near(name.lower(), functions()), place=place, name=name.lower())


def _put_values(tree: exp.Query, prepared: Prepared, given: Mapping[str, object]) -> None:
    for node in list(tree.find_all(exp.Placeholder)):
        name, kind = node.name, prepared.needs[node.name]
        if kind in LISTS:
            _put_list(node, prepared, given[name], LISTS[kind])
        else:
            node.replace(literal(given[name], kind, name=name, place=prepared.place))


def _put_list(node: exp.Placeholder, prepared: Prepared, values: object, kind: str) -> None:
    parent = node.parent
    if not isinstance(values, Iterable) or isinstance(values, str | bytes) or not isinstance(parent, exp.In):
        bound = "a list, and stand in `x in (…)`"
        raise BadInput(BAD_VALUE, place=prepared.place, name=node.name, value=values, bound=bound)
    found = [literal(value, kind, name=node.name, place=prepared.place) for value in values]
    if found:
        parent.set("expressions", found)
    else:
        parent.replace(exp.false())


def _put_tables(tree: exp.Query, prepared: Prepared, given: Mapping[str, object]) -> None:
    for table in list(tree.find_all(exp.Table)):
        if prepared.needs.get(table.name) != "table" or table.db:
            continue
        instead = given[table.name]
        if not isinstance(instead, exp.Table | exp.Query):
            bound = "a table or a query"
            raise BadInput(BAD_VALUE, place=prepared.place, name=table.name, value=instead, bound=bound)
        alias = table.alias or table.name
        piece = instead.copy()
        if isinstance(piece, exp.Query):
            table.replace(piece.subquery(alias, copy=False))
        else:
            table.replace(exp.alias_(piece, alias, table=True))
