"""Files as shops have them: encodings, delimiters, quotes, broken rows; each row with the line it stands on."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from limner.core.errors import BadInput, Broken, NotFound
from limner.flow.sources import encodings
from limner.flow.sources.base import LINE, ReadOptions, headers, reader_of
from limner.flow.sources.json_quick import quick_rows
from limner.flow.sources.jsonl import _parsed


def read_all(path: Path, columns=None, size=1_000_000, **options):
    _, reader = reader_of(path)
    how = ReadOptions(**options)
    names = columns or list(reader.columns(path, how))
    rows, broken = [], []
    for chunk in reader.chunks(path, how, names, size):
        rows += chunk.rows.to_pylist()
        broken += list(chunk.broken)
    return rows, broken


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


TEXT = "会员号,姓名\n1,南枝\n2,李\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.replace("\n", "\r\n").encode("gb18030"),
        TEXT.replace(",", "\t").encode("gb18030"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "|").encode(),
        TEXT.replace(",", "，").encode(),
        TEXT.replace("南", "\x00南").encode(),
        ("\n\n" + TEXT).encode()[2:],
    ],
)
def test_one_table_in_many_encodings(tmp_path, content):
    rows, broken = read_all(put(tmp_path, "a.csv", content))
    assert rows == [{"会员号": "1", "姓名": "南枝", LINE: 2}, {"会员号": "2", "姓名": "李", LINE: 3}]
    assert broken == []


def test_packed_text(tmp_path):
    assert len(read_all(put(tmp_path, "a.csv.gz", gzip.compress(TEXT.encode())))[0]) == 2


def test_quotes_newlines_and_ragged_rows_keep_their_lines(tmp_path):
    body = 'a,b\n"x\ny",1\n\n2\n3,4,5\n"say ""hi""",6\n'
    rows, broken = read_all(put(tmp_path, "a.csv", body.encode()))
    assert rows == [{"a": "x\ny", "b": "1", LINE: 2}, {"a": 'say "hi"', "b": "6", LINE: 7}]
    assert broken == [(5, "2", "wrong number of columns"), (6, "3,4,5", "wrong number of columns")]


def test_lines_are_right_across_chunks(tmp_path):
    body = "a,b\n" + "".join(
        f'{n},"{n}\n{n}"\n' if n % 7 == 0 else (f"{n}\n" if n % 11 == 0 else f"{n},x\n") for n in range(5000)
    )
    rows, broken = read_all(put(tmp_path, "a.csv", body.encode()), size=100)
    lines = body.split("\n")
    for row in rows:
        assert lines[row[LINE] - 1].split(",")[0] == row["a"]
    for line, text, _ in broken:
        assert lines[line - 1] == text
    assert len(rows) + len(broken) == 5000


def test_a_title_above_the_header_is_skipped_when_told(tmp_path):
    rows, _ = read_all(put(tmp_path, "a.csv", "会员列表 2026\na,b\n1,2\n".encode()), skip=1)
    assert rows == [{"a": "1", "b": "2", LINE: 3}]


def test_lost_bytes_become_a_mark_not_a_crash(tmp_path):
    good = "".join(f"{n},名字{n}\n" for n in range(500)).encode("gb18030")
    rows, _ = read_all(put(tmp_path, "a.csv", b"a,b\n" + good + b"1,\xff\xff\n"))
    assert rows[-1]["b"].startswith("\ufffd")


def test_empty_and_unknown_files_say_so(tmp_path):
    for name, content in (("a.csv", b""), ("b.csv", b"\xef\xbb\xbf\n\n"), ("c.parquet", b""), ("d.jsonl", b"")):
        with pytest.raises(BadInput, match="is empty"):
            read_all(put(tmp_path, name, content))
    with pytest.raises(BadInput, match="no encoding we can tell"):
        read_all(put(tmp_path, "e.csv", bytes(range(128, 256)) * 40))
    with pytest.raises(BadInput, match="no encoding 'utf-99'"):
        read_all(put(tmp_path, "f.csv", b"a\n1\n"), encoding="utf-99")
    with pytest.raises(BadInput, match="Did you mean"):
        reader_of(Path("x.cvs"))
    with pytest.raises(NotFound):
        reader_of(Path("x.csv"), "exel")


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet", "a.csv.gz", "a.jsonl"])
def test_broken_files_say_so(tmp_path, name):
    with pytest.raises((Broken, BadInput)) as caught:
        read_all(put(tmp_path, name, b"PK\x03\x04 this is no such file at all" * 9))
    assert name in str(caught.value)


def test_a_header_alone_has_no_rows(tmp_path):
    assert read_all(put(tmp_path, "a.csv", b"a,b\n"))[0] == []
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "b.parquet")
    assert read_all(tmp_path / "b.parquet")[0] == []


def test_excel_cells_are_what_a_person_would_type(tmp_path):
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("空")
    sheet = book.add_worksheet("销售流水")
    sheet.write_row(0, 0, ["会员导出"])
    sheet.write_row(1, 0, ["手机号", "金额", "时间", "备注", "手机号"])
    sheet.write_row(2, 0, [13812349876, 12.5])
    sheet.write_datetime(2, 2, datetime(2026, 9, 1, 8, 5), book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    sheet.write(2, 3, "=1+1")
    sheet.write_row(4, 0, ["x", True, 46266.25])
    book.close()
    rows, _ = read_all(path)
    assert rows[0] == {
        "手机号": "13812349876",
        "金额": "12.5",
        "时间": "2026-09-01 08:05:00",
        "备注": rows[0]["备注"],
        "手机号_2": None,
        LINE: 3,
    }
    assert rows[1]["时间"] == "46266.25"
    assert rows[1][LINE] == 5
    with pytest.raises(NotFound, match="Did you mean .销售流水."):
        read_all(path, sheet="销售流氺")


def test_json_lines_with_nested_names(tmp_path):
    body = '{"a":1,"u":{"p":"x","q":[1,2]}}\n{"a":null}\n[1]\nnope\n\n{"a":"1.0","u":{"p":null}}'
    rows, broken = read_all(put(tmp_path, "a.jsonl", body.encode()))
    assert rows == [
        {"a": "1", "u.p": "x", "u.q": "[1,2]", LINE: 1},
        {"a": None, "u.p": None, "u.q": None, LINE: 2},
        {"a": "1.0", "u.p": None, "u.q": None, LINE: 6},
    ]
    assert broken == [(3, "[1]", "not a JSON object"), (4, "nope", "not a JSON object")]


def test_parquet_keeps_its_types_and_places(tmp_path):
    pq.write_table(pa.table({"n": list(range(10)), "t": [datetime(2026, 1, 1)] * 10}), tmp_path / "a.parquet")
    _, reader = reader_of(tmp_path / "a.parquet")
    assert reader.columns(tmp_path / "a.parquet", ReadOptions()) == {"n": "integer", "t": "wall"}
    rows, _ = read_all(tmp_path / "a.parquet", ["n"], size=3)
    assert [r[LINE] for r in rows] == list(range(1, 11))


def test_headers_are_named_once():
    assert headers(["手机号", None, "手机号", " a\nb "]) == ["手机号", "column_2", "手机号_2", "a b"]


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a":"x","b":{"c":"y"}}', '{"a":null}', "{}"],
        ['{"a":"\\u0041\\u0000"}', '{"a":"南\\n枝","z":[1,{"y":2}]}'],
        ['{"a":1}', '{"a":"x"}'],
        ['{"a":"x"}{"a":"y"}', '{"a":"z"}'],
        ['{"a":"x"}{"a":"y"}', ""],
        ['{"a":', '"x"}'],
        ['{"a":{}}', ',"b":1}'],
        ['{"a":{"b":"q"}}'],
        ['{"a":"\\ud800"}'],
        ['{"a":"x",}', "[1]", '{"a":tru}'],
        ['{"a":"x"} ,', '{"a":"x" //'],
        ['{"a":"x","a":"y"}'],
    ],
)
def test_the_quick_way_through_json_lines_gives_what_the_other_gives(lines):
    text = pa.array([line + "\n" for line in lines])
    wanted = {"a": ("a",), "b.c": ("b", "c")}
    quick = quick_rows(text, wanted)
    rows, broken = _parsed(text, 1, wanted)
    if quick is not None:
        assert not broken
        assert quick.to_pylist() == rows.select(["a", "b.c"]).to_pylist()
    else:
        assert lines[0] != '{"a":"x","b":{"c":"y"}}'


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_blocks_of_utf8_are_cut_between_characters(tmp_path, cut, monkeypatch):
    monkeypatch.setattr(encodings, "_BLOCK", 5)
    good = ("x" * cut + "南枝é😀" * 3).encode()
    for content, text in ((good, good.decode()), (good + b"\xff" + good, good.decode() + "\ufffd" + good.decode())):
        with encodings.Utf8Stream(put(tmp_path, "a.txt", content), "utf-8") as stream:
            assert stream.readall().decode() == text


BILL = "微信支付账单明细,,,,\n微信昵称：[南枝],,,,\n\n起始：[2026-08-01] 终止：[2026-08-31],,,,\n----明细列表----,,,,\n时间,对方,收/支,金额,单号\n"


@pytest.mark.parametrize(
    ("content", "names", "first"),
    [
        (BILL + "2026-08-01,王,收入,¥5,1\n", ["时间", "对方", "收/支", "金额", "单号"], 7),
        ("#账号：[1]\n#起始,终止\na,b,c,d,e\n1,2,3,4,5\n", ["a", "b", "c", "d", "e"], 4),
        ("a,b\n1,2\n", ["a", "b"], 2),
        (",b\n1,2\n", ["column_1", "b"], 2),
        ("单列\n1\n", ["单列"], 2),
        ("a,b,c,d\n1,,,\n,2,,\n", ["a", "b", "c", "d"], 2),
    ],
)
def test_title_lines_above_a_header_are_passed_over(tmp_path, content, names, first):
    path = tmp_path / "bill.csv"
    path.write_text(content, encoding="utf-8")
    _, reader = reader_of(path)
    assert list(reader.columns(path, ReadOptions())) == names
    chunk = next(iter(reader.chunks(path, ReadOptions(), names)))
    assert chunk.rows[LINE][0].as_py() == first


def test_cells_are_stripped_of_marks(tmp_path):
    path = tmp_path / "bill.csv"
    path.write_text("a,b\n`2026-08-01,`0.01\n\t12\t,\n", encoding="utf-8")
    _, reader = reader_of(path)
    (chunk,) = reader.chunks(path, ReadOptions(strip="`\t"), ["a", "b"])
    assert chunk.rows["a"].to_pylist() == ["2026-08-01", "12"]
    assert chunk.rows["b"].to_pylist() == ["0.01", ""]


@pytest.mark.parametrize("key", ["", "*", "\\", 'a\\"b', "a/b~c", "0", "[0]", "$", "#", "\x00"])
def test_json_keys_of_any_form_are_columns_of_text(tmp_path, key):
    """Beside a list and a nested object of the same name, so that every row goes the way of odd lines."""
    lines = [{"x": 1, key: "hit"}, {"x": [5], "n": {key: "deep"}}, {"x": {"y": 2}, "n": ["no"]}]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    rows, broken = read_all(put(tmp_path, "a.jsonl", content.encode()))
    assert not broken
    assert [row[key] for row in rows] == ["hit", None, None]
    assert [row[f"n.{key}"] for row in rows] == [None, "deep", None]
