"""Control files: totals are checked before anything is taken."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest

from intake import Intake
from limner.core.errors import BadDefinition, BadInput
from limner.flow.sources import list_loads
from limner.flow.sources.control import exact, read_entries

PAID = """
id: paid
files: [in]
identifiers: {member_no: 会员号}
control: {file: "{stem}.ctl", rows: 记录数, sums: {金额: 合计}, md5: md5}
events: [{name: {constant: Order Completed}, happened_at: 时间, order_id: 单号, amount: 金额}]
"""
BODY = '单号,会员号,时间,金额\n1,M1,2026-08-01,"1,200.10"\n2,M2,2026-08-02,￥２\n3,M3,坏,0.20\n4,M4\n'


@pytest.fixture
def shop(tmp_path):
    found = Intake(tmp_path, PAID)
    (tmp_path / "in").mkdir()
    return found


def state(shop: Intake) -> tuple[int, int]:
    return shop.one("SELECT count(*) AS n FROM events"), shop.one("SELECT count(*) AS n FROM identifiers")


def vouch(shop: Intake, rows: object = 4, total: object = "1202.30", md5: str = "") -> None:
    md5 = md5 or hashlib.md5((shop.folder / "in/a.csv").read_bytes()).hexdigest()
    shop.put("in/a.ctl", f"记录数：{rows}\n合计={total}\nmd5={md5.upper()}\n", "gb18030")


def test_a_file_that_adds_up_is_taken(shop):
    shop.put("in/a.csv", BODY)
    vouch(shop)
    taken = shop.load()
    assert (taken.rows, taken.used, len(taken.files)) == (4, 2, 1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rows": 3}, "the number of rows is 4 in the file and 3 in a.ctl"),
        ({"total": "1202.31"}, "the sum of 金额 is 1202.3000 in the file and 1202.31 in a.ctl"),
        ({"md5": "0" * 32}, "md5 is .* in the file and 0{32} in a.ctl"),
    ],
)
def test_one_that_does_not_is_refused_with_both_numbers(shop, wrong, told):
    shop.put("in/a.csv", BODY)
    vouch(shop, **wrong)
    with pytest.raises(BadInput, match=told):
        shop.load()
    assert state(shop) == (0, 0)
    (failed,) = list_loads(shop.stores)
    assert (failed.state, failed.why.code) == ("failed", "control_differs")
    vouch(shop)
    assert shop.load().used == 2


def test_a_file_without_its_control_file_is_refused(shop):
    shop.put("in/a.csv", BODY)
    with pytest.raises(BadInput, match=r"no control file a\.ctl beside it"):
        shop.load()
    assert state(shop) == (0, 0)


def test_an_entry_that_is_not_there_is_named(shop):
    shop.put("in/a.csv", BODY)
    shop.put("in/a.ctl", "记录=4\n合计=1202.30\nmd5=x\n")
    shop.say(PAID.replace(", md5: md5", ""))
    with pytest.raises(BadInput, match=r"no entry '记录数'.*Did you mean '记录'"):
        shop.load()


def test_a_sum_of_what_is_no_number_names_the_line(shop):
    shop.put("in/a.csv", BODY.replace("0.20", "x"))
    vouch(shop)
    with pytest.raises(BadInput, match="line 4 of '金额' is not a number"):
        shop.load()


def test_an_empty_control_file_says_that_the_file_is_whole(shop):
    shop.say(PAID.replace(", rows: 记录数, sums: {金额: 合计}, md5: md5}", "}").replace("{stem}.ctl", "{name}.ok"))
    shop.put("in/a.csv", BODY)
    shop.put("in/a.csv.ok", "")
    assert shop.load().rows == 4


def test_a_control_file_of_no_name_is_refused(shop):
    shop.say(PAID.replace("{stem}.ctl", "all.ctl"))
    shop.put("in/a.csv", BODY)
    with pytest.raises(BadDefinition, match="named for no file"):
        shop.load()


@pytest.mark.parametrize(
    "body",
    [
        "rows=3\nsum：12.50\n",
        '{"rows": 3, "sum": 12.50}',
        "name,rows,sum\nb.csv,9,9\na.csv,3,12.50\n",
        "rows|sum\n3|12.50\n",
    ],
)
def test_entries_by_name(tmp_path, body):
    (tmp_path / "c").write_text(body)
    found = read_entries(tmp_path / "c", tmp_path / "a.csv")
    assert (found["rows"], exact(found["sum"])) == ("3", Decimal("12.50"))


def test_entries_by_place(tmp_path):
    control = tmp_path / "c"
    for body, place in (("a.csv|3|12.50\n", "2"), ("3\n", "1"), ("a.csv 3\n", "2"), ("b.csv,9\na.csv,3\n", "2")):
        control.write_text(body)
        assert read_entries(control, tmp_path / "a.csv")[place] == "3"
    control.write_text(f"{'a' * 32}  b.csv\n{'b' * 32} *a.csv\n")
    assert read_entries(control, tmp_path / "a.csv")["1"] == "b" * 32
    control.write_text("b.csv,9\nc.csv,3\n")
    assert read_entries(control, tmp_path / "a.csv") == {}
