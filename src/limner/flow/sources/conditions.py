"""Conditions of a source: a closed form, column → what it must be, made into SQL nodes.

    matching: {状态: [已付款, 已完成], 实付金额: {over: 0}, 备注: {is_not: 测试}}

All must hold. `any: [ … ]` holds when one of its conditions does, `not: { … }` when its condition does not. What a
column must be is a value, a list of values, or a mapping of the words of `WORDS`. A missing value answers no, also to
`is_not`; say `empty: true` to ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from limner.core.errors import BadDefinition, near, words

UNKNOWN_WORD = words("condition_word_unknown", "{place}: a condition on {column!r} knows no {word!r}.")
BAD_BOUND = words("condition_bound_bad", "{place}: the condition {word!r} on {column!r} needs {bound}, not {value!r}.")

WORDS = ("is", "is_not", "in", "not_in", "over", "under", "at_least", "at_most", "starts", "ends", "contains", "empty")

Column = Callable[[str], exp.Expr]
"""Gives the text expression of a column, and fails when the file has none of that name."""


def condition(matching: Mapping[str, object], column: Column, place: str) -> exp.Expr:
    """The SQL of a condition; the empty one holds for every row.

    >>> condition({"a": ["x", "y"]}, lambda c: exp.column(c), "s").sql("duckdb")
    "COALESCE(a IN ('x', 'y'), FALSE)"
    """
    parts = [_entry(str(name), wanted, column, place) for name, wanted in matching.items()]
    return exp.and_(*parts) if parts else exp.true()


def columns_of(matching: Mapping[str, object]) -> tuple[str, ...]:
    """The columns a condition reads."""
    found: list[str] = []
    for name, wanted in matching.items():
        if name == "any" and isinstance(wanted, list | tuple):
            found += [c for part in wanted if isinstance(part, Mapping) for c in columns_of(part)]
        elif name == "not" and isinstance(wanted, Mapping):
            found += columns_of(wanted)
        else:
            found.append(str(name))
    return tuple(dict.fromkeys(found))


def _entry(name: str, wanted: object, column: Column, place: str) -> exp.Expr:
    if name == "any" and isinstance(wanted, list | tuple) and all(isinstance(p, Mapping) for p in wanted):
        return exp.or_(*(exp.paren(condition(part, column, place)) for part in wanted)) if wanted else exp.false()
    if name == "not" and isinstance(wanted, Mapping):
        return exp.not_(exp.paren(condition(wanted, column, place)))
    value = column(name)
    tests = wanted if isinstance(wanted, Mapping) else {"in" if isinstance(wanted, list | tuple) else "is": wanted}
    return exp.and_(*(_test(value, str(word), bound, name, place) for word, bound in tests.items()))


def _test(value: exp.Expr, word: str, bound: object, name: str, place: str) -> exp.Expr:
    match word:
        case "is" | "in" | "is_not" | "not_in":
            texts = [exp.Literal.string(_text(b)) for b in (bound if isinstance(bound, list | tuple) else [bound])]
            if not texts:
                raise BadDefinition(
                    BAD_BOUND, place=place, column=name, word=word, bound="at least one value", value=bound
                )
            found: exp.Expr = exp.In(this=value, expressions=texts)
            return _or_no(exp.not_(found) if "not" in word else found)
        case "over" | "under" | "at_least" | "at_most":
            return _or_no(_COMPARE[word](this=_number(value), expression=_bound(bound, word, name, place)))
        case "starts" | "ends" | "contains":
            literal = exp.Literal.string(_text(bound))
            return _or_no(exp.Anonymous(this=_TEXT[word], expressions=[value, literal]))
        case "empty" if isinstance(bound, bool):
            is_null: exp.Expr = exp.Is(this=value, expression=exp.null())
            return is_null if bound else exp.not_(is_null)
        case "empty":
            raise BadDefinition(BAD_BOUND, place=place, column=name, word=word, bound="true or false", value=bound)
        case _:
            raise BadDefinition(UNKNOWN_WORD, near=near(word, WORDS), place=place, column=name, word=word)


_COMPARE: Mapping[str, Any] = {"over": exp.GT, "under": exp.LT, "at_least": exp.GTE, "at_most": exp.LTE}
_TEXT = {"starts": "starts_with", "ends": "ends_with", "contains": "contains"}


def _or_no(test: exp.Expr) -> exp.Expr:
    return exp.func("coalesce", test, exp.false())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: exp.Expr) -> exp.Expr:
    return exp.TryCast(this=value.copy(), to=exp.DataType.build("DECIMAL(18,4)", dialect="duckdb"))


def _bound(bound: object, word: str, name: str, place: str) -> exp.Expr:
    try:
        return exp.Literal.number(format(Decimal(str(bound)), "f"))
    except InvalidOperation:
        raise BadDefinition(BAD_BOUND, place=place, column=name, word=word, bound="a number", value=bound) from None
