"""Rewriting trees by patterns written in SQL: `substr(:s, :i)` becomes `substringUTF8(:s, :i)`.

A pattern is a parsed piece of SQL in which `:name` stands for any piece. No text is put together: both sides are trees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A pattern and what takes its place; None in place of it says that the engine cannot say this."""

    pattern: exp.Expr
    instead: exp.Expr | None


def bind(pattern: object, node: object, bound: dict[str, exp.Expr]) -> bool:
    """Whether a node has the shape of a pattern; fills `bound` with what its placeholders stand for.

    >>> from sqlglot import parse_one
    >>> found = {}
    >>> bind(parse_one("f(:x, 1)"), parse_one("f(a + b, 1)"), found), found["x"].sql()
    (True, 'a + b')
    """
    if isinstance(pattern, exp.Placeholder) and pattern.name and isinstance(node, exp.Expr):
        return _same(bound.setdefault(pattern.name, node), node)
    if isinstance(pattern, exp.Expr):
        if type(pattern) is not type(node) or not isinstance(node, exp.Expr):
            return False
        names = {name for name in (*pattern.args, *node.args) if pattern.args.get(name) or node.args.get(name)}
        return all(bind(pattern.args.get(name), node.args.get(name), bound) for name in sorted(names))
    if isinstance(pattern, list):
        if not isinstance(node, list) or len(pattern) != len(node):
            return False
        return all(bind(p, n, bound) for p, n in zip(pattern, node, strict=True))
    return bool(pattern == node)


def _same(one: exp.Expr, other: exp.Expr) -> bool:
    return one is other or one == other


def fill(template: exp.Expr, bound: dict[str, exp.Expr]) -> exp.Expr:
    """The template with its placeholders replaced by copies of what they stand for, bracketed where needed."""

    def put(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder) or node.name not in bound:
            return node
        piece = bound[node.name].copy()
        is_open = isinstance(piece, exp.Binary | exp.Not | exp.Between | exp.In | exp.Neg)
        return exp.paren(piece, copy=False) if is_open and node.parent is not None else piece

    return template.copy().transform(put, copy=False)


def rewrite(tree: exp.Expr, rules: Sequence[Rewrite], refuse: Callable[[exp.Expr], Exception]) -> exp.Expr:
    """The tree with the first fitting rule applied at each node, from the root down; pieces already put in place are
    not looked at again, what their placeholders stand for is."""
    for rule in rules:
        bound: dict[str, exp.Expr] = {}
        if not bind(rule.pattern, tree, bound):
            continue
        if rule.instead is None:
            raise refuse(tree)
        return fill(rule.instead, {name: rewrite(piece, rules, refuse) for name, piece in bound.items()})
    for name, value in list(tree.args.items()):
        if isinstance(value, exp.Expr):
            tree.set(name, rewrite(value, rules, refuse))
        elif isinstance(value, list):
            tree.set(name, [rewrite(v, rules, refuse) if isinstance(v, exp.Expr) else v for v in value])
    return tree
