"""Columns in and out, versions beside each other, deltas and erasure."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from limner.core.errors import BadDefinition, BadInput, Broken, Full, NotFound
from limner.core.rule import Compare, Has
from limner.store.gallery import Gallery, bits, evaluate
from limner.store.gallery.encode import Encoded
from limner.store.gallery.table import to_arrow

ARROW = {
    "orders": pa.array([1, None, 300]),
    "score": pa.array([0.5, float("nan"), None]),
    "half": pa.array([0.25, 0.5, 1.0], pa.float32()),
    "net": pa.array([Decimal("-12.3456"), None, Decimal("99999999999.99")], pa.decimal128(18, 4)),
    "born": pa.array([date(1990, 2, 3), date(1969, 12, 31), None]),
    "joined": pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, UTC), None, datetime(1960, 1, 1, tzinfo=UTC)]),
    "vip": pa.array([True, None, False]),
    "城市.现居": pa.array(["上海", None, "杭州"]),
    "level": pa.array(["b", "a", "b"]).dictionary_encode(),
    "whole": pa.array([1, 2, 3], pa.int8()),
}


@pytest.fixture
def gallery(tmp_path):
    return Gallery(tmp_path / "gallery")


def built(gallery, name="v1", columns=ARROW):
    draft = gallery.draft()
    for column, values in columns.items():
        draft.put_arrow(column, values, unit="u", version="abc", asof="2026-09-01")
    draft.put_living(BitMap([0, 1, 2]))
    return draft.seal(name, asof="2026-09-01")


def test_a_row_gives_back_what_was_put(gallery):
    built(gallery)
    version = gallery.version("v1")
    assert version.row(0) == {
        "orders": 1,
        "score": 0.5,
        "half": 0.25,
        "net": Decimal("-12.3456"),
        "born": date(1990, 2, 3),
        "joined": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "vip": True,
        "城市.现居": "上海",
        "level": "b",
        "whole": 1,
    }
    assert version.row(1) == {"half": 0.5, "born": date(1969, 12, 31), "level": "a", "whole": 2}
    assert version.row(2)["net"] == Decimal("99999999999.99")
    assert version.row(9) == {}
    assert version.column("orders").header.dtype == "<i2"
    assert version.headers["net"].unit == "u"
    assert version.labels == {"asof": "2026-09-01"}
    assert np.load(gallery.folder / "v1" / version.headers["whole"].file).tolist() == [1, 2, 3]


def test_arrow_comes_back_as_it_went_in(gallery):
    table = to_arrow(built(gallery))
    assert table["number"].to_pylist() == [0, 1, 2]
    for name, values in ARROW.items():
        expected = [None if v != v else v for v in values.to_pylist()]
        assert table[name].to_pylist() == expected, name
    assert table["net"].type == pa.decimal128(18, 4)


def test_rows_are_put_by_number_and_the_rest_is_unknown(gallery):
    draft = gallery.draft()
    draft.put_living(BitMap([0, 3, 4]), 6)
    draft.put_arrow("orders", pa.array([7, 8]), numbers=np.array([4, 0]))
    draft.put_arrow("vip", pa.array([True, False]), numbers=np.array([4, 0]))
    draft.put("city", ["x", None, "y"], type="text")
    version = draft.seal("v1")
    assert [version.row(n) for n in range(5)] == [
        {"orders": 8, "vip": False, "city": "x"},
        {},
        {"city": "y"},
        {},
        {"orders": 7, "vip": True},
    ]
    assert bits.numbers(evaluate(~Has("orders"), version)).tolist() == [3]
    assert bits.numbers(evaluate(Compare("vip", "!=", True), version)).tolist() == [0]


def test_a_next_version_shares_unchanged_files_and_the_old_one_stays(gallery):
    first = built(gallery)
    draft = gallery.draft(first)
    draft.put("orders", np.array([5, 6, 7, 70_000]), type="int")
    draft.patch("net", np.array([1]), [Decimal("2.5")])
    draft.patch("城市.现居", np.array([0, 3]), [None, "北京"])
    draft.patch("vip", np.array([1, 2]), np.array([True, True]))
    draft.patch("born", np.array([2]), [date(2000, 1, 1)])
    draft.patch("whole", np.array([1]), np.array([1000]))
    draft.patch("half", np.array([1]), [None])
    draft.drop("level")
    draft.put_living(BitMap(range(4)))
    second = draft.seal("v2")
    assert second.row(3) == {"orders": 70_000, "城市.现居": "北京"}
    assert [second.row(n).get("net") for n in range(3)] == [
        Decimal("-12.3456"),
        Decimal("2.5"),
        Decimal("99999999999.99"),
    ]
    assert [second.row(n).get("城市.现居") for n in range(3)] == [None, None, "杭州"]
    assert [second.row(n).get("vip") for n in range(3)] == [True, True, True]
    assert [second.row(n).get("whole") for n in range(3)] == [1, 1000, 3]
    assert [second.row(n).get("half") for n in range(3)] == [0.25, None, 1.0]
    assert second.row(2)["born"] == date(2000, 1, 1)
    assert "level" not in second.headers
    assert Gallery(gallery.folder).version("v1").row(0)["orders"] == 1
    shared = [(gallery.folder / v / first.headers["score"].file).stat().st_ino for v in ("v1", "v2")]
    assert shared[0] == shared[1]


def test_a_half_built_version_is_never_seen_and_is_swept(gallery):
    draft = gallery.draft()
    draft.put("x", np.arange(3), type="int")
    draft.put_living(BitMap(range(3)))
    assert draft.view().row(2) == {"x": 2}
    assert gallery.versions() == ()
    assert gallery.sweep() == 1
    with pytest.raises(NotFound, match="limner run"):
        gallery.version("v1")


def test_a_version_of_the_same_name_is_kept(gallery):
    built(gallery)
    again = built(gallery, columns={"other": pa.array([1])})
    assert "orders" in again.headers
    assert gallery.versions() == ("v1",)
    assert not list(gallery.folder.glob(".draft*"))


def test_what_is_written_again_while_it_is_synced_loses_nothing(gallery):
    for turn in range(30):
        draft = gallery.draft()
        for place in range(20):
            draft.put(f"c{place}", np.arange(9) + turn, type="int")
            draft.view()
        draft.seal(f"v{turn}")
    assert gallery.version("v29").column("c19").values.tolist() == list(range(29, 38))


def test_members_and_cards(gallery):
    draft = gallery.draft()
    draft.put_living(BitMap(range(10)))
    draft.put_members("vip", BitMap([1, 5]))
    draft.put_card("churn", {"auc": 0.7})
    version = draft.seal("v1")
    assert version.members("vip") == BitMap([1, 5])
    assert (version.audiences(), version.cards()) == (("vip",), ("churn",))
    assert version.card("churn") == {"auc": 0.7}
    assert gallery.draft(version).seal("0v2").cards() == ("churn",)
    with pytest.raises(NotFound, match="'vip'"):
        version.members("vp")
    with pytest.raises(BadDefinition):
        gallery.draft().put_members("../x", BitMap())


def test_erasure_reaches_every_version_and_every_word(gallery):
    first = built(gallery)
    draft = gallery.draft(first)
    draft.put_members("all", BitMap([0, 1, 2]))
    draft.seal("v2")
    gallery.overwrite(BitMap([0]))
    for name in ("v1", "v2"):
        version = gallery.version(name)
        assert version.row(0) == {}
        assert version.row(2)["城市.现居"] == "杭州"
        assert version.row(1)["whole"] == 2
        assert 0 not in version.living
        assert all("上海".encode() not in p.read_bytes() for p in (gallery.folder / name).rglob("*.json"))
        assert version.column("net").values[0] == 0
    assert gallery.version("v2").members("all") == BitMap([1, 2])


def test_what_does_not_fit_is_refused(gallery):
    draft = gallery.draft()
    with pytest.raises(BadInput, match="'x' is int"):
        draft.put("x", np.array([0.5]), type="int")
    with pytest.raises(BadInput, match="known marks"):
        draft.put_encoded("x", Encoded("int", np.arange(3), np.ones(1, np.bool_)))
    with pytest.raises(BadInput):
        draft.put_arrow("x", pa.array([b"x"]))
    with pytest.raises(BadInput):
        draft.put_arrow("x", pa.array(["no"]), type="money")


def test_a_full_disk_is_said_as_such(gallery, monkeypatch):
    draft = gallery.draft()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(Full, match="No space left"):
        draft.put("x", np.arange(3), type="int")
    draft.discard()
    assert gallery.sweep() == 0


def test_a_lost_file_is_said_as_such(gallery):
    version = built(gallery)
    (gallery.folder / "v1" / version.headers["net"].file).unlink()
    with pytest.raises(Broken, match="Build the version again"):
        gallery.version("v1").row(0)


def test_no_customers_at_all(gallery):
    draft = gallery.draft()
    draft.put("x", np.array([], np.int64), type="int")
    draft.put_living(BitMap())
    version = draft.seal("v1")
    assert bits.count(evaluate(~Has("x"), version)) == 0
    assert to_arrow(version).num_rows == 0
