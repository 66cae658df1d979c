"""Live sources with checks in a whole workspace: applied, held, judged by the keeper, and seen by no portrait meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from limner.app.listening import LOOK, Listening, judge_days
from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition, BadInput
from limner.store.stream import Envelope
from limner.store.stream.envelope import packed

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
SOURCE = """
id: web
live: {}
enrich:
  - {kind: user_agent, column: agent, traits: {last_app: app}}
checks:
  - {check: range, column: points, at_most: 100, level: hard}
  - {check: volume, at_least: 5}
"""


class Shop:
    """A workspace whose clock can be set, and what clients send to it."""

    def __init__(self, folder):
        make(folder, locale="en")
        (folder / "sources").mkdir()
        (folder / "sources" / "web.yaml").write_text(SOURCE, encoding="utf-8")
        (folder / "properties").mkdir()
        (folder / "properties" / "points.yaml").write_text("id: points\ntype: number\n", encoding="utf-8")
        self.now = NOW
        self.shop = Workspace(folder, clock=lambda: self.now)
        self.shop.apply()
        self.writer = self.shop.stores.stream.writer()

    def send(self, *objects):
        stamp = int(self.now.timestamp() * 1e6)
        body = json.dumps(list(objects)).encode()
        self.writer.write([packed(Envelope(stamp, "web", "own", "POST /collect", "", "", body))])
        self.writer.close_segment()

    def customers(self):
        self.shop.run("2026-09-10")
        found = self.shop.audience("views_30d >= 0").count()
        return found.identified + found.anonymous


@pytest.fixture
def desk(tmp_path):
    one = Shop(tmp_path / "shop")
    yield one
    one.shop.close()


def spun(turn, points, **who):
    return {"name": "Wheel Spun", "id": f"m{turn}", "at": NOW.isoformat(), "properties": {"points": points}, **who}


def test_portraits_before_during_and_after_a_hold(desk):
    desk.send(spun(1, 5, user="u1"), spun(2, 5, anonymous="a1"), spun(3, 1, user="u2"))
    desk.shop.drain()
    assert desk.customers() == 3
    desk.send(spun(4, 5000, user="u1", anonymous="a1"))
    assert desk.shop.drain().held == (1,)
    assert desk.customers() == 0
    desk.shop.release(1, why="a lucky day")
    assert desk.customers() == 2  # u1 and a1 are one: the increment sees what came into sight
    assert [one.kind for one in desk.shop.alerts()] == ["range"]


def test_the_keeper_judges_a_day_once_it_is_over(desk):
    desk.send(spun(1, 5, user="u1"))
    desk.shop.drain()
    listening, said = Listening(desk.shop), []
    listening.look(said.append, 0.0)
    assert (said, desk.shop.alerts()) == ([], ())
    desk.now = NOW + timedelta(days=1)
    listening.look(said.append, LOOK / 2)  # not yet
    assert desk.shop.alerts() == ()
    listening.look(said.append, LOOK)
    assert [one.kind for one in desk.shop.alerts()] == ["volume"]
    assert judge_days(desk.shop) == ()


def test_another_process_at_work_is_waited_for(desk):
    desk.send(spun(1, 5, user="u1"))
    desk.shop.drain()
    desk.now = NOW + timedelta(days=1)
    listening = Listening(desk.shop)
    other = Workspace(desk.shop.folder, clock=lambda: desk.now)
    with other.stores.ledger.lease("keeper", desk.now, "collect"):
        listening.look(lambda error: None, 0.0)
    other.close()
    listening.look(lambda error: None, 2.0)
    assert [one.kind for one in desk.shop.alerts()] == ["volume"]


def test_a_check_of_a_column_there_is_not_is_refused(desk):
    path = desk.shop.folder / "sources" / "web.yaml"
    path.write_text(SOURCE.replace("column: points", "column: pints"), encoding="utf-8")
    with pytest.raises(BadDefinition, match="pints"):
        desk.shop.apply()


def test_fewer_than_no_messages_are_not_shown(desk):
    with pytest.raises(BadInput, match="0 or more"):
        desk.shop.tail(limit=-1)
    assert desk.shop.tail(limit=0) == ()
