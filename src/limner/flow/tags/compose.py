"""Queries from parts: all scans of one relation become one group-by by customer; a tag alone becomes one SELECT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from limner.core.errors import BadInput, words
from limner.core.exact import WEIGHT_UNIT
from limner.flow.tags.base import Ask, Asked, Cell, Grid, Ground, Part, Scan

NOT_ALONE = words(
    "tag_not_alone",
    "{column!r} hangs on how many customers care for what: no single SELECT says it. Leave `rarity` and "
    "`preference` out, or ask a run.",
)

_TYPES = {
    "int": "bigint",
    "float": "double",
    "money": "decimal(18,4)",
    "bool": "boolean",
    "text": "text",
    "day": "int",
    "instant": "timestamptz",
}


def scan(over: str, cells: Sequence[Cell], ground: Ground) -> exp.Query:
    """One pass over a relation that answers all cells, one row per customer."""
    query = exp.select("number").from_(ground.rows(over).subquery(over)).group_by("number")
    for cell in cells:
        if cell.value is not None:
            query = query.select(stored(cell).as_(cell.column, quoted=True), copy=False)
    return query


def picked(found: exp.Query, columns: Mapping[str, str]) -> exp.Select:
    """Number and some columns of a query, each under another name; the query is taken over, not copied."""
    renamed = (exp.column(column).as_(name, quoted=True) for name, column in columns.items())
    return exp.select("number", *renamed).from_(found.subquery("found", copy=False))


def stored(cell: Cell) -> exp.Expr:
    """The value in the type its column has; text that is counted stays a whole number."""
    value = cell.value.copy() if cell.value is not None else exp.null()
    return exp.cast(value, exp.DataType.build("bigint" if cell.words else _TYPES[cell.type], dialect="duckdb"))


def alone(part: Part, ground: Ground, others: Mapping[str, Part]) -> exp.Query:
    """The whole SELECT of one tag, to be run anywhere: its needs written in, whole numbers turned back into text."""
    if isinstance(part, Scan):
        query = scan(part.over, part.cells, ground)
    else:
        known = {name: step.query for name, step in part.steps.items()}
        if reads_answers(part):
            known["answers"] = _answers(part.needs, ground, others)
        query = studied(part, lambda question: ground.ask(with_tables(question, known)))
        query = with_tables(query, known)
    worded = [cell for cell in part.cells if cell.words]
    if not worded:
        return query
    said = exp.select("number").from_(query.subquery("coded"))
    for cell in part.cells:
        said = said.select(_said(cell).as_(cell.column, quoted=True), copy=False)
    return said


def studied(part: Asked, ask: Ask) -> exp.Query:
    """The query of a part with what it learns from the answers written in; `ask` answers a question about them."""
    return with_tables(part.query, {name: study.learn(ask(study.question)) for name, study in part.studies.items()})


def with_tables(query: exp.Query, known: Mapping[str, exp.Query]) -> exp.Query:
    """The query with other queries in the place of tables of these names."""
    query = query.copy()
    for table in list(query.find_all(exp.Table)):
        if table.name in known:
            table.replace(known[table.name].subquery(table.alias_or_name))
    return query


def reads_answers(part: Part) -> bool:
    """Whether a part reads the table of answers."""
    return isinstance(part, Asked) and any(table.name == "answers" for table in part.query.find_all(exp.Table))


def _said(cell: Cell) -> exp.Expr:
    column = exp.column(cell.column, quoted=True)
    if not cell.words:
        return column
    case = exp.Case(this=column)
    for code, word in enumerate(cell.words):
        case = case.when(exp.Literal.number(code), exp.Literal.string(word))
    return case


def _answers(needs: Sequence[str], ground: Ground, others: Mapping[str, Part]) -> exp.Query:
    """One row per customer, with the answers needed side by side; traits come from a table of that name."""
    owners = {cell.column: part for part in others.values() for cell in part.cells}
    everybody = exp.select("number").from_("links").distinct()
    query = exp.select(exp.column("number", table="c")).from_(everybody.subquery("c"))
    for place, name in enumerate(needs):
        alias = f"n{place}"
        part = owners.get(name)
        of_it = _column(part, name, ground, others).subquery(alias) if part else exp.to_table("traits_wide").as_(alias)
        same = exp.column("number", table=alias).eq(exp.column("number", table="c"))
        query = query.join(of_it, on=same, join_type="left")
        answer = exp.column(name, table=alias, quoted=True)
        usual = _usual(part, name) if part else None
        query = query.select((exp.func("coalesce", answer, usual) if usual else answer).as_(name, quoted=True))
    return query


def _column(part: Part, column: str, ground: Ground, others: Mapping[str, Part]) -> exp.Query:
    """`number` and one column of a part, a row per customer with an answer; of members and nodes those rows alone."""
    query = alone(part, ground, others)
    if isinstance(part, Asked) and part.members is not None:
        value, place = next(
            (value, place)
            for value, cells in part.members.cells.items()
            for place, cell in enumerate(cells)
            if cell.column == column
        )
        answer = exp.column(query.selects[place + 2].alias, quoted=True).as_(column, quoted=True)
        is_it = exp.column("value").eq(exp.Literal.string(value))
        return exp.select("number", answer).from_(query.subquery("members")).where(is_it)
    if isinstance(part, Asked) and part.grid is not None:
        return _node(part, part.grid, column, query)
    return query


def _node(part: Asked, grid: Grid, column: str, query: exp.Query) -> exp.Query:
    """A node of a tree: the weights of all codes from its own to the last below it."""
    places = {cell.column: place for place, cell in enumerate(part.cells)}
    if grid.is_rare or places[column] >= len(grid.tree.nodes):
        raise BadInput(NOT_ALONE, column=column)
    node = grid.tree.nodes[places[column]]
    weight = exp.cast(exp.Sum(this=exp.column("weight")), exp.DataType.Type.DOUBLE)
    share = exp.Div(this=weight, expression=exp.Literal.number(WEIGHT_UNIT))
    code = exp.column("code")
    inside = [code >= exp.Literal.number(node.code), code.copy() < exp.Literal.number(node.end)]
    nodes = exp.select("number", share.as_(column, quoted=True)).from_(query.subquery("nodes"))
    return nodes.where(*inside).group_by("number")


def _usual(part: Part, column: str) -> exp.Expr | None:
    """The answer of customers without one, as a literal."""
    otherwise = next((cell.otherwise for cell in part.cells if cell.column == column), None)
    return None if otherwise is None else exp.convert(otherwise)
