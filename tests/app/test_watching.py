"""Watched folders: settled files come in by themselves, once; bad ones are said once and stop nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import limner
from limner.app.opening import make
from limner.app.watching import Watched, look, need_watched, watch
from limner.app.workspace import Workspace
from limner.core.errors import Busy, LimnerError, NotFound, words
from limner.flow.sources import Collected

TILL = """
files: [in]
watch: true
every: 10s
settle: 5s
identifiers: {member_no: m}
events: [{name: {constant: Page Viewed}, happened_at: t}]
"""
HELD = words("example_gone", "File {path} is gone. Put it back and run again.")


class Watcher:
    """A watch whose clock is moved by hand."""

    def __init__(self, shop: Workspace) -> None:
        self.shop, self.state, self.at = shop, Watched(), 0.0
        self.heard: list[Collected | LimnerError] = []

    def after(self, seconds: float) -> list[Collected | LimnerError]:
        """What is heard when time has gone by, looking every second."""
        self.heard = []
        for _ in range(int(seconds)):
            self.at += 1
            self.state = look(self.shop, self.state, self.heard.append, self.at)
        return self.heard

    def rows(self) -> list[int | str]:
        """The rows taken in, and the codes of errors, as they are heard."""
        return [one.rows if isinstance(one, Collected) else one.code for one in self.heard]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = make(tmp_path / "shop")
    (found / "sources").mkdir()
    (found / "in").mkdir()
    (found / "sources" / "till.yaml").write_text(TILL)
    return found


@pytest.fixture
def watcher(home: Path):
    with limner.open(home) as shop:
        shop.apply()
        yield Watcher(shop)


def put(home: Path, name: str, *members: str) -> Path:
    path = home / "in" / name
    path.write_text("m,t\n" + "".join(f"{m},2026-08-01\n" for m in members))
    return path


def test_a_file_comes_in_once_it_has_settled(home, watcher):
    watcher.after(1)
    put(home, "a.csv", "A1", "A2")
    watcher.after(10)
    assert watcher.rows() == []  # seen at the look after ten seconds, and not settled yet
    watcher.after(6)
    assert watcher.rows() == [2]
    watcher.after(60)
    assert watcher.rows() == []


def test_a_file_that_grows_is_waited_for(home, watcher):
    path = put(home, "a.csv", "A1")
    watcher.after(1)
    for n in range(4):
        with path.open("a") as stream:
            stream.write(f"B{n},2026-08-02\n")
        assert watcher.after(4) == []
    watcher.after(10)
    assert watcher.rows() == [5]


def test_a_file_under_another_name_while_it_is_copied_is_not_looked_at(home, watcher):
    path = put(home, "a.csv.part", "A1")
    watcher.after(30)
    assert watcher.rows() == []
    path.rename(home / "in" / "a.csv")
    watcher.after(20)
    assert watcher.rows() == [1]


def test_a_bad_file_is_said_once_and_stops_nothing(home, watcher):
    put(home, "a.csv", "A1")
    bad = home / "in" / "b.csv"
    bad.write_text("m,when\nA2,2026-08-01\n")
    put(home, "c.csv", "A3", "A4")
    watcher.after(20)
    assert watcher.rows() == ["source_column_unknown", 3]
    watcher.after(60)
    assert watcher.rows() == []
    states = {load.file: load.state for load in watcher.shop.loads()}
    assert states == {"a.csv": "done", "b.csv": "failed", "c.csv": "done"}
    put(home, "b.csv", "A2")
    watcher.after(30)
    assert watcher.rows() == [1]


def test_a_bad_file_is_tried_again_when_its_source_changes(home, watcher):
    (home / "in" / "b.csv").write_text("m,when\nA2,2026-08-01\n")
    watcher.after(20)
    assert watcher.rows() == ["source_column_unknown"]
    (home / "sources" / "till.yaml").write_text(TILL.replace("happened_at: t", "happened_at: when"))
    watcher.shop.apply()
    watcher.after(30)
    assert watcher.rows() == [1]


def test_a_withdrawn_load_does_not_come_back_by_itself(home, watcher):
    path = put(home, "a.csv", "A1")
    watcher.after(20)
    watcher.shop.withdraw(watcher.shop.loads()[0].load)
    watcher.after(60)
    assert watcher.rows() == []
    path.write_text(path.read_text())  # sent again
    watcher.after(30)
    assert watcher.rows() == [1]


def test_a_control_file_is_waited_for(home, watcher):
    source = TILL + 'control: {file: "{stem}.ok", rows: rows}\n'
    (home / "sources" / "till.yaml").write_text(source)
    watcher.shop.apply()
    put(home, "a.csv", "A1")
    watcher.after(60)
    assert watcher.rows() == []
    (home / "in" / "a.ok").write_text("rows=2\n")
    watcher.after(30)
    assert watcher.rows() == ["control_differs"]
    watcher.after(30)
    assert watcher.rows() == []
    (home / "in" / "a.ok").write_text("rows=1\n")
    watcher.after(30)
    assert watcher.rows() == [1]


def test_it_waits_for_whoever_writes(home, watcher, monkeypatch):
    from limner.app import collecting

    plain = collecting.collect

    def held(*_: object, **__: object) -> None:
        raise Busy(HELD, path="lake")

    put(home, "a.csv", "A1")
    monkeypatch.setattr(collecting, "collect", held)
    watcher.after(30)
    assert watcher.rows() == []
    monkeypatch.setattr(collecting, "collect", plain)
    watcher.after(12)
    assert watcher.rows() == [1]


def test_an_error_of_the_whole_is_said_and_waited_out(home, watcher, monkeypatch):
    from limner.app import watching

    def gone(*_: object) -> None:
        raise NotFound(HELD, path="ledger")

    monkeypatch.setattr(watching, "watched", gone)
    looks = watcher.after(3)
    assert [one.code for one in looks] == ["example_gone"] * 3
    assert watcher.state.wait == 8


def test_it_goes_on_until_told_to_stop(home, watcher):
    put(home, "a.csv", "A1")
    moments = iter(range(100))
    heard: list[object] = []
    watch(
        watcher.shop, heard.append, is_over=lambda: bool(heard), sleep=lambda _: None,
        clock=lambda: float(next(moments)),
    )  # fmt: skip
    assert len(heard) == 1


def test_nothing_to_watch_is_refused(home):
    (home / "sources" / "till.yaml").write_text(TILL.replace("watch: true", "watch: false"))
    with limner.open(home) as shop:
        shop.apply()
        with pytest.raises(NotFound, match="watch: true"):
            need_watched(shop)


def test_it_idles_on_the_ledger_until_a_source_is_watched(home):
    (home / "sources" / "till.yaml").write_text(TILL.replace("watch: true", "watch: false"))
    put(home, "a.csv", "A1")
    with limner.open(home) as other:
        other.apply()
    moments = iter(range(100))
    heard: list[object] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            (home / "sources" / "till.yaml").write_text(TILL)
            with limner.open(home) as other:
                other.apply()

    with limner.open(home) as shop:
        watch(shop, heard.append, is_over=lambda: bool(heard), sleep=sleep, clock=lambda: float(next(moments)))
    assert slept[:4] == [10.0, 10.0, 10.0, 1.0]
    assert len(heard) == 1
