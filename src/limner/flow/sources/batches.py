"""Rows staged in batches: a large file in several, small files of one source together, whole orders."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from limner.core.tell import Tell
from limner.flow.sources import base
from limner.flow.sources.desk import Desk
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.readings import template
from limner.flow.sources.staging import ROWS, stage
from limner.flow.sources.stream import Failed, Piece, Ready

_STAGED = "staged_all"


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a batch lie in `ROWS`; `odd` are the readings of which some value could not be read."""

    pieces: tuple[Piece, ...]
    odd: frozenset[str]


def batches(
    desk: Desk, mapping: Mapped, ready: Iterator[Ready | Failed | None], tell: Tell
) -> Generator[Batch | Failed, None, None]:
    """The batches of a run of files, in an order that depends on nothing but the files.

    What is `ready` is taken until the end of the run.
    """
    into = ROWS if mapping.lines is None else _STAGED
    desk.drop(into)
    odd: frozenset[str] = frozenset()
    for one in ready:
        if one is None:
            return
        if isinstance(one, Failed):
            yield one
            return
        gathered, rows = one
        for step in gathered.far:
            tell(*step)
        if rows is not None:
            odd |= stage(desk, mapping, rows, into)
        if gathered.is_whole:
            pieces = tuple(gathered.pieces)
            yield from [Batch(pieces, odd)] if into == ROWS else _by_order(desk, mapping, pieces, odd)
            desk.drop(into)
            odd = frozenset()


def _by_order(desk: Desk, mapping: Mapped, unit: Sequence[Piece], odd: frozenset[str]) -> Iterator[Batch]:
    """One batch for order lines staged together; a file that fills the desk alone is cut by order."""
    rows = int(desk.one(exp.select(exp.Count(this=exp.Star())).from_(_STAGED))[0]) if desk.has(_STAGED) else 0
    count = max(1, -(-rows // base.CHUNK_ROWS)) if len(unit) == 1 else 1
    orders = [exp.column(part.fields["order_id"]) for part in mapping.of("events")]
    for turn in range(count):
        query = exp.select("*").from_(_STAGED)
        if count > 1:
            bucket = template(
                "hash(coalesce(:o, '')) % :n", o=exp.func("coalesce", *orders), n=exp.Literal.number(count)
            )
            desk.make(ROWS, query.where(bucket.eq(exp.Literal.number(turn))))
        elif desk.has(_STAGED):
            desk.rename(_STAGED, ROWS)
        else:
            desk.drop(ROWS)
        pieces = tuple(
            Piece(whole.job, turn + whole.job.first, turn == count - 1, whole.broken if turn == 0 else ())
            for whole in unit
            if turn + whole.job.first >= whole.job.load.done
        )
        if pieces:
            yield Batch(pieces, odd)
