"""The closed list of SQL functions, read from functions.toml.

SQLGlot passes unknown names through silently, so every name that stands before a bracket is held against this list
before a text is parsed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

from sqlglot import Token, TokenType, parse_one, tokenize
from sqlglot.errors import SqlglotError

from limner.core.errors import BadDefinition, near, words

UNKNOWN_FUNCTION = words(
    "function_unknown",
    "{place}: the function {name!r} is not on the list of SQL functions (docs/guides/sql.md says which are, and why).",
)
UNREADABLE = words("sql_unreadable", "{place}: this SQL cannot be read at line {line}, column {column}: {text!r}.")

Spelling = str | Literal[False]

SYNTAX: Final = frozenset(
    {
        *("and", "as", "between", "by", "case", "distinct", "else", "except", "exists", "filter", "from", "group"),
        *("having", "in", "intersect", "is", "join", "like", "limit", "not", "on", "or", "order", "over", "partition"),
        *("select", "sets", "then", "union", "using", "values", "when", "where", "with", "decimal", "numeric", "all"),
    }
)
"""Words of the language that may stand before a bracket without being a function."""

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Function:
    """One row of the list. `spellings` maps a form to the engines that need their own writing; False: has none."""

    name: str
    kind: Literal["aggregate", "number", "text", "time", "choice", "window"]
    means: str
    forms: tuple[str, ...]
    spellings: Mapping[str, Mapping[str, Spelling]]


@cache
def functions() -> Mapping[str, Function]:
    """The list by name, in our dialect.

    >>> functions()["sum"].kind
    'aggregate'
    """
    rows = tomllib.loads(files("limner.store.lake").joinpath("functions.toml").read_text(encoding="utf-8"))
    plain = {"kind", "means", "forms"}
    return MappingProxyType(
        {
            name: Function(
                name=name,
                kind=row["kind"],
                means=row["means"],
                forms=tuple(row["forms"]),
                spellings=MappingProxyType({form: row[form] for form in row if form not in plain}),
            )
            for name, row in rows.items()
        }
    )


@cache
def listed_nodes() -> frozenset[type]:
    """The SQLGlot classes that the listed forms are made of, read off by parsing each form once."""
    trees = [parse_one(form, read="duckdb") for row in functions().values() for form in row.forms]
    return frozenset(type(node) for tree in trees for node in tree.walk())


def tokens(text: str, place: str) -> list[Token]:
    """The tokens of a text in our dialect, with every name before a bracket held against the list.

    >>> tokens("read_csv('/etc/passwd')", "here")
    Traceback (most recent call last):
    limner.core.errors.BadDefinition: here: the function 'read_csv' is not on the list of SQL functions ...
    """
    try:
        found = list(tokenize(text, read="duckdb"))
    except SqlglotError as error:
        raise unreadable(error, text, place) from None
    for token, following in pairwise(found):
        if following.token_type is TokenType.L_PAREN:
            _refuse_unknown(token, place)
    return found


def _refuse_unknown(token: Token, place: str) -> None:
    name = token.text.lower()
    is_quoted = token.token_type is TokenType.IDENTIFIER
    if not is_quoted and (token.token_type is TokenType.STRING or not _WORD.fullmatch(name)):
        return
    if name in functions() or (name in SYNTAX and not is_quoted):
        return
    raise BadDefinition(UNKNOWN_FUNCTION, near=near(name, functions()), place=place, name=token.text)


def unreadable(error: Exception, text: str, place: str) -> BadDefinition:
    """Our error for a text the parser gave up on, with the place it named."""
    details = getattr(error, "errors", None) or [{}]
    line, column = details[0].get("line") or 1, details[0].get("col") or 1
    return BadDefinition(UNREADABLE, place=place, line=line, column=column, text=text.strip()[:200])
