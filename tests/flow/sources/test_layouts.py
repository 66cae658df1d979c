"""Files laid out as banks and warehouses lay them out: fixed places, odd delimiters, no header, folders as columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import Intake
from limner.core.errors import BadDefinition, BadInput
from limner.flow.sources.base import LINE, Laid, ReadOptions, reader_of


def read_all(path: Path, kind: str = "", size: int = 1_000_000, **options: object) -> tuple[list[dict], list[tuple]]:
    _, reader = reader_of(path, kind)
    how = ReadOptions(**options)  # type: ignore[arg-type]
    names = list(reader.columns(path, how))
    rows, broken = [], []
    for chunk in reader.chunks(path, how, names, size):
        rows += chunk.rows.to_pylist()
        broken += list(chunk.broken)
    return rows, broken


def put(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(("delimiter", "stated"), [("|@|", "|@|"), ("||", "||"), ("\x01", r"\x01"), ("，", "，")])
def test_odd_delimiters(tmp_path, delimiter, stated):
    body = "会员号{0}姓名{0}备注\n1{0}南枝{0}a|b\tc,d\n2{0}李{0}\n3\n".replace("{0}", delimiter)
    rows, broken = read_all(put(tmp_path, body, "gb18030"), delimiter=stated)
    assert rows == [
        {"会员号": "1", "姓名": "南枝", "备注": "a|b\tc,d", LINE: 2},
        {"会员号": "2", "姓名": "李", "备注": "", LINE: 3},
    ]
    assert broken == [(4, "3", "wrong number of columns")]


def test_a_long_delimiter_may_be_cut_by_the_end_of_a_block(tmp_path):
    body = "a<=>b\n" + "".join(f"{n}<=>{'x' * (n % 97)}\n" for n in range(60_000))
    rows, broken = read_all(put(tmp_path, body), delimiter="<=>")
    assert broken == []
    assert [row["a"] for row in rows] == [str(n) for n in range(60_000)]
    assert {len(row["b"]) == int(row["a"]) % 97 for row in rows} == {True}


def test_quotes_are_none_where_the_delimiter_is_odd_and_as_stated(tmp_path):
    assert read_all(put(tmp_path, 'a|@|b\n1|@|"\n'), delimiter="|@|")[0] == [{"a": "1", "b": '"', LINE: 2}]
    quoted = put(tmp_path, "a||b\n1||'x||y\nz'\n")
    assert read_all(quoted, delimiter="||", quote="'")[0] == [{"a": "1", "b": "x||y\nz", LINE: 2}]
    assert read_all(put(tmp_path, 'a,b\n1,"x\n'), quote="none")[0] == [{"a": "1", "b": '"x', LINE: 2}]
    assert read_all(put(tmp_path, "a,b\n1,x\\,y\n"), escape="\\")[0] == [{"a": "1", "b": "x,y", LINE: 2}]
    with pytest.raises(BadInput, match="quote is '<<'"):
        read_all(quoted, delimiter="||", quote="<<")


def test_columns_may_be_named_where_there_is_no_header(tmp_path):
    rows, _ = read_all(put(tmp_path, "1\x01x\n2\x01y\n"), delimiter=r"\x01", columns=("id", "what"))
    assert rows == [{"id": "1", "what": "x", LINE: 1}, {"id": "2", "what": "y", LINE: 2}]
    rows, _ = read_all(put(tmp_path, "旧名,x\n1,2\n"), columns=("id", "what"), skip=1)
    assert rows == [{"id": "1", "what": "2", LINE: 2}]


BYTES = Laid((("会员号", 0, 3), ("姓名", 3, 6), ("金额", 9, 5)), is_bytes=True)
CHARACTERS = Laid((("会员号", 0, 3), ("姓名", 3, 3), ("金额", 6, 5)))


def test_places_in_bytes_of_gb18030(tmp_path):
    body = "001李娜  00012\r\n002欧阳娜00013\r\n\r\n003\r\n004王    12.50"
    rows, broken = read_all(put(tmp_path, body, "gb18030"), "fixed", fixed=BYTES, encoding="gb18030")
    assert [(row["会员号"], row["姓名"], row["金额"], row[LINE]) for row in rows] == [
        ("001", "李娜", "00012", 1),
        ("002", "欧阳娜", "00013", 2),
        ("004", "王", "12.50", 5),
    ]
    assert broken == [(4, "003", "line too short")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_places_in_characters(tmp_path, encoding):
    body = "表头\n001李娜 00012\n002欧阳娜00013\n"
    rows, broken = read_all(put(tmp_path, body, encoding), "fixed", size=1, fixed=CHARACTERS, skip=1)
    assert [tuple(row.values()) for row in rows] == [("001", "李娜", "00012", 2), ("002", "欧阳娜", "00013", 3)]
    assert broken == []


def test_lines_must_be_as_long_as_stated(tmp_path):
    path = put(tmp_path, "00112\n0021\n003123\n")
    two = (("k", 0, 3), ("v", 3, 2))
    rows, broken = read_all(path, "fixed", fixed=Laid(two, length=5))
    assert [row["k"] for row in rows] == ["001"]
    assert [(line, why) for line, _, why in broken] == [(2, "line of another length"), (3, "line of another length")]
    rows, broken = read_all(path, "fixed", fixed=Laid(two, length=5, is_trimmed=True))
    assert [row["k"] for row in rows] == ["001", "002"]
    assert len(broken) == 1


def test_places_in_bytes_of_utf_16_are_refused(tmp_path):
    path = put(tmp_path, "001李娜  00012\n", "utf-16")
    with pytest.raises(BadInput, match="unit: characters"):
        read_all(path, "fixed", fixed=BYTES)


@given(
    st.lists(
        st.tuples(st.text("0123456789", min_size=3, max_size=3), st.text("李娜a ", max_size=4)), min_size=1, max_size=30
    )
)
def test_what_is_written_at_places_is_read_from_them(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("fixed") / "a.txt"

    def padded(name: str) -> bytes:
        return name.encode("gb18030").ljust(8)

    path.write_bytes(b"".join(key.encode() + padded(name) + b"!\n" for key, name in rows))
    laid = Laid((("key", 0, 3), ("name", 3, 8), ("end", 11, 1)), is_bytes=True, length=12)
    found, broken = read_all(path, "fixed", fixed=laid, encoding="gb18030")
    assert broken == []
    assert [(row["key"], row["name"]) for row in found] == [(key, name.strip()) for key, name in rows]


POINTS = """
id: points
files: [points]
encoding: gb18030
fixed:
  unit: bytes
  columns:
    会员号: {start: 1, width: 4}
    姓名: {start: 5, width: 6}
    积分: {start: 11, width: 6}
identifiers: {member_no: 会员号}
traits: {points: {column: 积分, type: number}, name: 姓名, asof_day: dt}
"""


def test_a_source_with_places_and_partitions(tmp_path):
    shop = Intake(tmp_path, POINTS)
    for day in (20, 21):
        (tmp_path / "points" / f"dt=2026-11-{day}").mkdir(parents=True)
        shop.put(f"points/dt=2026-11-{day}/part.txt", f"M{day}1李娜      12\nM{day}2欧阳娜     7\n", "gb18030")
        shop.put(f"points/dt=2026-11-{day}/_SUCCESS", "")
    assert shop.load().used == 4
    assert shop.one("SELECT sum(number) AS s FROM traits WHERE name = 'points'") == 38
    assert [row["text"] for row in shop.ask("SELECT text FROM traits WHERE name = 'asof_day' ORDER BY text")] == (
        ["2026-11-20"] * 2 + ["2026-11-21"] * 2
    )


def test_a_place_before_the_line_is_refused(tmp_path):
    shop = Intake(tmp_path, POINTS.replace("start: 1,", "start: 0,"))
    (tmp_path / "points").mkdir()
    shop.put("points/a.txt", "M1  李娜      12\n", "gb18030")
    with pytest.raises(BadDefinition, match="Count from 1"):
        shop.load()
