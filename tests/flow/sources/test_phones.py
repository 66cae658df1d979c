"""Phones as spreadsheets and clerks leave them: each is read as meant, or left out for a reason one can act on."""

from __future__ import annotations

from datetime import datetime

import pytest
import xlsxwriter

from intake import Intake
from limner.core.ids import identifier_hash

MEMBERS = """
id: members
files: [{file}]
identifiers: {{member_no: 会员号, phone: 手机号}}
traits: {{joined: {{column: 入会, type: date}}}}
"""
ONE = "+8613812340001"
READ = [
    "13812340001", "１３８１２３４０００１", "+86 138-1234-0001", "0086 13812340001", "138 1234 0001", '="13812340001"',
    "13812340001.0", "\u200b13812340001 ", "（+86）13812340001",
]  # fmt: skip
LEFT_OUT = {
    "1.38E+10": "phone destroyed by a spreadsheet",
    "1.38123E+10": "phone destroyed by a spreadsheet",
    "1.3812340001e10": "phone destroyed by a spreadsheet",
    "１．３８Ｅ＋１０": "phone destroyed by a spreadsheet",
    "13800138000": "placeholder phone",
    "13800000000": "placeholder phone",
    "1３9９9９9９9９9": "placeholder phone",
    "010-88886666": "not a mobile phone number",
    "1381234000": "not a mobile phone number",
    "一三八": "not a mobile phone number",
}
NOTHING = ["", "无", "NULL", "-"]


def shop_of(tmp_path, file):
    return Intake(tmp_path, MEMBERS.format(file=file))


def phones(shop):
    return [row["hash"] for row in shop.ask("SELECT hash FROM identifiers WHERE kind = 'phone'")]


@pytest.mark.parametrize("raw", READ)
def test_one_phone_in_many_writings(tmp_path, raw):
    shop = shop_of(tmp_path, "m.csv")
    quoted = '"' + raw.replace('"', '""') + '"'
    shop.put("m.csv", f"会员号,手机号,入会\nM1,{quoted},2026-01-02\n")
    assert (shop.load().used, phones(shop)) == (1, [identifier_hash(shop.stores.hash_key, "phone", ONE)])


def test_what_is_no_phone_is_left_out_for_its_reason_and_the_member_stays(tmp_path):
    shop = shop_of(tmp_path, "m.csv")
    rows = [*LEFT_OUT, *NOTHING]
    body = "".join(f"M{n},{raw},2026-01-02\n" for n, raw in enumerate(rows))
    shop.put("m.csv", "会员号,手机号,入会\n" + body, "gb18030")
    taken = shop.load()
    assert (taken.rows, taken.used) == (len(rows), len(rows))
    assert phones(shop) == []
    wanted = {why: list(LEFT_OUT.values()).count(why) for why in LEFT_OUT.values()}
    assert dict(taken.counts.values) == wanted
    found = shop.ask("SELECT place, value, reason FROM rejects ORDER BY place")
    assert sorted(row["reason"] for row in found) == sorted(LEFT_OUT.values())
    assert not any(raw in str(row["value"]) for row in found for raw in ("13800138000", "1381234000"))


def test_phones_of_a_sheet(tmp_path):
    path = tmp_path / "m.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("会员")
        shown_short = book.add_format({"num_format": "0.00E+00"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["会员号", "手机号", "入会"])
        cells = [13812340001, "13812340001", "1.38E+10", 13800000000, "１３８１２３４０００１"]
        for n, cell in enumerate(cells, 1):
            sheet.write(n, 0, f"M{n}")
            sheet.write(n, 1, cell, shown_short if n == 1 else None)  # shown as 1.38E+10, kept with all its digits
            sheet.write_datetime(n, 2, datetime(2026, 1, 2), day)
    shop = shop_of(tmp_path, "m.xlsx")
    taken = shop.load()
    assert taken.used == 5
    assert phones(shop) == [identifier_hash(shop.stores.hash_key, "phone", ONE)] * 3
    assert dict(taken.counts.values) == {"phone destroyed by a spreadsheet": 1, "placeholder phone": 1}
