"""What was published and retired of tags, by whom and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.tables import tag_acts


@dataclass(frozen=True, slots=True)
class Act:
    """One act: the state it gave a version of a tag (`body` is what that version said), when, by whom, why."""

    seq: int
    tag: str
    state: str
    version: str
    body: Mapping[str, Any]
    happened_at: datetime
    actor: str
    why: str = ""


def acts_of(ledger: Ledger, tag: str = "") -> dict[str, tuple[Act, ...]]:
    """The acts that are not undone by tag, oldest first: of all tags, or of one."""
    row = tag_acts.c
    question = select(row.seq, row.tag, row.state, row.version, row.body, row.happened_at, row.actor, row.why).where(
        row.undone_at.is_(None)
    )
    if tag:
        question = question.where(row.tag == tag)
    with ledger.read() as connection:
        rows = connection.execute(question.order_by(row.seq)).all()
    found: dict[str, tuple[Act, ...]] = {}
    for one in rows:
        act = Act(one.seq, one.tag, one.state, one.version, json.loads(one.body), one.happened_at, one.actor, one.why)
        found[act.tag] = (*found.get(act.tag, ()), act)
    return found


def write(connection: Connection, ledger: Ledger, act: Act) -> int:
    """Keep an act, inside a write; its number (that of the act given is not read)."""
    seq = ledger.take(connection, "tag_acts")
    body = json.dumps(dict(act.body), ensure_ascii=False, sort_keys=True)
    connection.execute(
        insert(tag_acts).values(
            seq=seq, tag=act.tag, state=act.state, version=act.version, body=body, happened_at=act.happened_at,
            actor=act.actor, why=act.why,
        )
    )  # fmt: skip
    return seq


def undo(connection: Connection, seq: int, *, now: datetime, actor: str) -> None:
    """Take an act back, inside a write; its row stays."""
    connection.execute(update(tag_acts).where(tag_acts.c.seq == seq).values(undone_at=now, undone_by=actor))
