"""Files sent again: yesterday's file under its name, a partition run again; and files known without being read."""

from __future__ import annotations

import gzip
import os

import pytest

from intake import NOW, Intake
from limner.core.actor import OWNER
from limner.core.errors import Broken
from limner.flow.sources import list_loads, loads, withdraw

CLICKS = """
id: clicks
files: [{files}]
replaces: {replaces}
identifiers: {{member_no: m}}
events: [{{name: {{constant: Page Viewed}}, happened_at: t, order_id: o}}]
"""


def clicks(replaces: str, files: str = "in") -> str:
    return CLICKS.format(replaces=replaces, files=files)


def body(*members: str) -> str:
    return "m,t,o\n" + "".join(f"{m},2026-08-01,{m}\n" for m in members)


def members(shop: Intake) -> list[str]:
    return sorted(row["o"] for row in shop.ask("SELECT order_id AS o FROM events"))


def states(shop: Intake) -> list[tuple[str, str, int | None]]:
    return [(one.file, one.state, one.replaces) for one in list_loads(shop.stores)]


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "in").mkdir()
    return Intake(tmp_path, clicks("by_name"))


def test_a_file_of_the_same_name_takes_the_place_of_the_last(shop):
    shop.put("in/a.csv", body("A1", "A2"))
    shop.load()
    shop.put("in/a.csv", body("A2", "A3"))
    taken = shop.load()
    assert members(shop) == ["A2", "A3"]
    assert taken.rejected == {}
    assert [one.replaces for one in taken.files] == [1]
    assert states(shop) == [("a.csv", "withdrawn", None), ("a.csv", "done", 1)]
    assert shop.load().unchanged == 1


def test_by_default_it_is_a_load_of_its_own(shop):
    shop.say(clicks("never"))
    shop.put("in/a.csv", body("A1", "A2"))
    shop.load()
    shop.put("in/a.csv", body("A3"))
    shop.load()
    assert members(shop) == ["A1", "A2", "A3"]


def test_files_of_one_name_in_two_folders_are_two(shop):
    for day in ("dt=1", "dt=2"):
        (shop.folder / "in" / day).mkdir()
        shop.put(f"in/{day}/part.csv", body(f"A{day[-1]}"))
    shop.load()
    assert members(shop) == ["A1", "A2"]


def test_a_renamed_file_is_not_taken_out_with_its_name(shop):
    shop.put("in/a.csv", body("A1"))
    shop.load()
    (shop.folder / "in/a.csv").rename(shop.folder / "in/a-1.csv")
    shop.put("in/a.csv", body("A2"))
    shop.load()
    assert members(shop) == ["A1", "A2"]


def test_nothing_goes_for_a_file_that_cannot_be_read(shop):
    shop.put("in/a.csv.gz", gzip.compress(body("A1", "A2").encode()))
    shop.load()
    whole = gzip.compress(body(*(f"B{n * 7919}" for n in range(3000))).encode())
    shop.put("in/a.csv.gz", whole[:-2000])
    with pytest.raises(Broken):
        shop.load()
    assert members(shop) == ["A1", "A2"]
    assert [state for _, state, _ in states(shop)] == ["done", "failed"]
    assert list_loads(shop.stores)[1].why.code == "file_unreadable"


def test_a_partition_run_again_takes_the_place_of_what_was_in_it(shop):
    shop.say(clicks("by_partition"))
    for day, names in (("20", ("A1", "A2")), ("21", ("B1", "B2"))):
        folder = shop.folder / "in" / f"dt=2026-11-{day}"
        folder.mkdir()
        for name in names:
            shop.put(f"in/{folder.name}/part-{name}.csv", body(name))
    shop.load()
    assert members(shop) == ["A1", "A2", "B1", "B2"]
    for path in (shop.folder / "in/dt=2026-11-20").glob("*.csv"):
        path.unlink()
    shop.put("in/dt=2026-11-20/part-x.csv", body("A1", "A9"))
    taken = shop.load()
    assert members(shop) == ["A1", "A9", "B1", "B2"]
    assert taken.rejected == {}
    shop.put("in/dt=2026-11-20/part-y.csv", body("A3"))  # one more file of the partition; the other stands as it was
    shop.load()
    assert members(shop) == ["A1", "A3", "A9", "B1", "B2"]
    shop.put("in/dt=2026-11-21/part-B1.csv", body("B7"))
    shop.load()
    assert members(shop) == ["A1", "A3", "A9", "B2", "B7"]


def test_a_file_that_looks_as_it_did_is_not_read(shop, monkeypatch):
    read = []
    plain = loads.content_hash
    monkeypatch.setattr(loads, "content_hash", lambda path: read.append(path.name) or plain(path))
    for name in ("a", "b"):
        shop.put(f"in/{name}.csv", body(f"{name}1"))
    shop.load()
    assert shop.load().unchanged == 2
    assert sorted(read) == ["a.csv", "b.csv"]
    os.utime(shop.folder / "in/a.csv", ns=(1, 1))
    assert shop.load().unchanged == 2
    assert sorted(read) == ["a.csv", "a.csv", "b.csv"]


def test_other_content_of_the_same_size_and_time_is_seen(shop):
    path = shop.put("in/a.csv", body("A1"))
    shop.load()
    before = path.stat()
    shop.put("in/a.csv", body("A2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    shop.load()
    assert members(shop) == ["A2"]


def test_a_withdrawn_file_may_be_asked_for_again(shop):
    shop.put("in/a.csv", body("A1"))
    shop.load()
    withdraw(shop.stores, 1, who=OWNER, now=NOW)
    assert members(shop) == []
    shop.load()
    assert members(shop) == ["A1"]


def test_files_under_way_are_left_alone(shop):
    for name in ("a.csv.part", "b.tmp", ".c.csv", "~$d.xlsx", "_SUCCESS", "e.csv.filepart", "f.csv~"):
        shop.put(f"in/{name}", body("X1"))
    shop.put("in/_g.csv", body("G1"))
    assert shop.load().rows == 0
    shop.say(clicks("by_name", "in/_g*.csv"))
    shop.load()
    assert members(shop) == ["G1"]
