"""SQL that people write: parsed, held to a closed set of nodes, known columns and listed functions.

What is not allowed by name is refused: other statements, comments, subqueries, stars, lambdas, brackets, files, clocks.
The text itself is never run; what runs is written from the checked tree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlglot import Token, TokenType, exp, parse_one
from sqlglot.errors import SqlglotError

from limner.core.errors import BadDefinition, near, words
from limner.store.lake.functions import functions, listed_nodes, tokens, unreadable

NOT_ALLOWED = words("sql_not_allowed", "{place}: `{piece}` may not stand in the SQL of {what}.")
TOO_LONG = words("sql_too_long", "{place}: the SQL of {what} has {size} characters, at most {most} are read.")
UNKNOWN_COLUMN = words("column_unknown", "{place}: there is no column {name!r} in {tables}. Known: {known}.")
UNKNOWN_TABLE = words("table_unknown", "{place}: there is no table {name!r} here. Known: {known}.")
SUM_OF_DOUBLE = words(
    "sum_of_double",
    "{place}: `{piece}` adds up doubles, whose sum depends on the order of rows. Cast to decimal(18, 4) first.",
)
NO_ORDER = words(
    "string_agg_unordered", "{place}: `{piece}` needs an `order by`, or its answer depends on the order of rows."
)

MOST: Final = 10_000
"""Characters of SQL read from a person."""

PLAIN: Final = frozenset(
    {
        *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not),
        *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.Escape),
        *(exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.NullSafeEQ, exp.NullSafeNEQ),
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe, exp.Filter, exp.Where),
        *(exp.Distinct, exp.Order, exp.Ordered, exp.Tuple, exp.Placeholder),
    }
)
"""What an expression may be made of, beside the listed functions."""

QUERY: Final = frozenset(
    {
        *(exp.Select, exp.From, exp.Join, exp.Table, exp.TableAlias, exp.Alias, exp.Group, exp.Having, exp.Limit),
        *(exp.Window, exp.WindowSpec),
    }
)
"""What a query may be made of, beside."""

TYPES: Final = frozenset(
    {
        *(exp.DataType.Type.BIGINT, exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT),
        *(exp.DataType.Type.DECIMAL, exp.DataType.Type.DOUBLE, exp.DataType.Type.BOOLEAN, exp.DataType.Type.INT128),
        *(exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR, exp.DataType.Type.DATE),
    }
)
"""What a value may be cast to. Instants are not among them: reading one asks for a zone."""


def checked(
    text: str,
    *,
    tables: Mapping[str, Mapping[str, str]],
    what: str,
    place: str,
    given: Collection[str] = (),
) -> exp.Expr:
    """One expression, or one SELECT over known tables, as a tree; anything else is a BadDefinition.

    `tables` maps table → column → SQL type; `what` names the thing in messages ("tag net_spend"), `place` where it
    stands; `given` are the placeholders it may use (`:asof_day`).

    >>> checked("sum(amuont)", tables={"events": {"amount": "decimal(18,4)"}}, what="tag spend", place="spend.yaml")
    Traceback (most recent call last):
    limner.core.errors.BadDefinition: spend.yaml: there is no column 'amuont' in events. Known: amount. Did you ...
    """
    if len(text) > MOST:
        raise BadDefinition(TOO_LONG, place=place, what=what, size=len(text), most=MOST)
    found = tokens(text, place)
    _no_tricks(found, text, what, place)
    is_query = bool(found) and found[0].token_type is TokenType.SELECT
    try:
        tree = parse_one(text, read="duckdb", into=exp.Select if is_query else exp.Condition)
    except (SqlglotError, RecursionError) as error:
        raise unreadable(error, text, place) from None
    if tree is None or (is_query and not isinstance(tree, exp.Select)):
        raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=text.strip()[:80])
    allowed = PLAIN | listed_nodes()
    _only_known_nodes(tree, allowed | QUERY if is_query else allowed - QUERY, what, place)
    _placeholders(tree, given, what, place)
    _columns(tree, _in_reach(tree, tables, place), place)
    _exact(tree, tables, place)
    return tree


def lineage(tree: exp.Expr) -> tuple[str, ...]:
    """The columns a tree reads, in order of name.

    >>> lineage(parse_one("sum(amount) filter (where name = 'Order Completed')", read="duckdb"))
    ('amount', 'name')
    """
    return tuple(sorted({column.name.lower() for column in tree.find_all(exp.Column)}))


def values_of(tree: exp.Expr, column: str) -> tuple[str, ...]:
    """The texts a column is compared with by `=` or `in`: for `name`, the events a tag reads."""
    found: set[str] = set()
    for node in tree.find_all(exp.EQ, exp.In):
        sides = [node.this, *(node.expressions if isinstance(node, exp.In) else [node.expression])]
        if any(isinstance(side, exp.Column) and side.name.lower() == column for side in sides):
            found |= {side.name for side in sides if isinstance(side, exp.Literal) and side.is_string}
    return tuple(sorted(found))


def _no_tricks(found: list[Token], text: str, what: str, place: str) -> None:
    if not found:
        raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=text.strip())
    for token in found:
        if token.comments:
            raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=f"-- {token.comments[0].strip()}")
        if token.token_type in (TokenType.SEMICOLON, TokenType.RAW_STRING, TokenType.BYTE_STRING):
            raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=token.text)
        if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in token.text):
            raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=repr(token.text))


def _only_known_nodes(tree: exp.Expr, allowed: frozenset[type], what: str, place: str) -> None:
    for node in tree.walk():
        is_bad = type(node) not in allowed
        is_bad |= isinstance(node, exp.Anonymous) and node.name.lower() not in functions()
        is_bad |= isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)
        is_bad |= isinstance(node, exp.DataType) and (node.this not in TYPES or bool(node.args.get("nested")))
        is_bad |= isinstance(node, exp.In) and (
            node.args.get("query") is not None or node.args.get("unnest") is not None
        )
        is_bad |= isinstance(node, exp.Tuple) and not isinstance(node.parent, exp.In)
        is_bad |= isinstance(node, exp.Table) and (bool(node.db) or not isinstance(node.this, exp.Identifier))
        if is_bad:
            raise BadDefinition(NOT_ALLOWED, place=place, what=what, piece=node.sql(dialect="duckdb")[:80] or node.key)


def _placeholders(tree: exp.Expr, given: Collection[str], what: str, place: str) -> None:
    for node in tree.find_all(exp.Placeholder):
        if node.name not in given:
            piece = f":{node.name}"
            raise BadDefinition(NOT_ALLOWED, near=near(node.name, given), place=place, what=what, piece=piece)


def _in_reach(tree: exp.Expr, tables: Mapping[str, Mapping[str, str]], place: str) -> Mapping[str, Collection[str]]:
    """Alias → columns: of the tables named in FROM and JOIN, or of all tables for an expression."""
    if not isinstance(tree, exp.Select):
        return tables
    reach: dict[str, Collection[str]] = {}
    for table in tree.find_all(exp.Table):
        if table.name not in tables:
            known = ", ".join(sorted(tables))
            raise BadDefinition(UNKNOWN_TABLE, near=near(table.name, tables), place=place, name=table.name, known=known)
        reach[table.alias_or_name] = tables[table.name]
    return reach


def _columns(tree: exp.Expr, reach: Mapping[str, Collection[str]], place: str) -> None:
    aliases = {alias.alias for alias in tree.find_all(exp.Alias)} if isinstance(tree, exp.Select) else set()
    for column in tree.find_all(exp.Column):
        owners = [column.table] if column.table else list(reach)
        known = sorted({name for owner in owners for name in reach.get(owner, ())})
        is_alias = (
            not column.table and column.name in aliases and column.find_ancestor(exp.Order, exp.Group, exp.Having)
        )
        if (column.name in known and not column.db) or is_alias:
            continue
        tables = ", ".join(owners)
        raise BadDefinition(
            UNKNOWN_COLUMN,
            near=near(column.name, known),
            place=place,
            name=column.name,
            tables=tables,
            known=", ".join(known),
        )


def _exact(tree: exp.Expr, tables: Mapping[str, Mapping[str, str]], place: str) -> None:
    doubles = {name for columns in tables.values() for name, kind in columns.items() if kind.lower() in _DOUBLE}
    for node in tree.find_all(exp.Sum, exp.Avg):
        if is_double(node.this, doubles):
            raise BadDefinition(SUM_OF_DOUBLE, place=place, piece=node.sql(dialect="duckdb"))
    for node in tree.find_all(exp.GroupConcat):
        if not node.find(exp.Order):
            raise BadDefinition(NO_ORDER, place=place, piece=node.sql(dialect="duckdb"))


def is_double(node: exp.Expr, doubles: Collection[str] = ()) -> bool:
    """Whether a value is known to be a double: by a column named, a cast, a division or a function that answers one.

    >>> [is_double(parse_one(text, read="duckdb")) for text in ("cast(a / 2 as decimal(18,4))", "a / 2")]
    [False, True]
    """
    if isinstance(node, exp.Column):
        return node.name in doubles
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type(exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT))
    if isinstance(node, exp.Literal):
        return not node.is_string and "e" in node.name.lower()
    if isinstance(node, _ANSWER_DOUBLE):
        return True
    if isinstance(node, exp.Predicate | exp.Connector | exp.Not | exp.Count | exp.Length):
        return False
    if isinstance(node, exp.Case | exp.If):
        branches = [part.args["true"] for part in node.args.get("ifs", [node])]
        return any(is_double(part, doubles) for part in [*branches, node.args.get("default")] if part is not None)
    return any(is_double(part, doubles) for part in node.iter_expressions())


_DOUBLE: Final = frozenset({"double", "float", "real", "float8", "float4"})
_ANSWER_DOUBLE: Final = (
    exp.Div,
    exp.Sqrt,
    exp.Ln,
    exp.Exp,
    exp.Pow,
    exp.Avg,
    exp.Median,
    exp.TimeToUnix,
    exp.PercentRank,
)
