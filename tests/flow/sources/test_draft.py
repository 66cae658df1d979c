"""Drafts: what a file is told to be, and that the draft loads as it stands."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import yaml

from intake import NOW, Intake
from limner.core.definition import as_mapping, read
from limner.core.errors import BadInput, Broken
from limner.flow.sources.definition import Source
from limner.flow.sources.draft import draft
from limner.flow.sources.looks import look_at, role_of

MEMBERS = (
    "会员卡号,姓名,手机号,性别,生日,城市,会员等级,入会日期,积分\n"
    "A1,张三,13812349876,女,1990-01-02,上海,金卡,2024/1/2,12\n"
    "A2,李四,13912349877,男,,北京,银卡,2024/1/3,3\n"
)
ORDERS = (
    "订单编号,会员卡号,商品名称,数量,应付金额,实付金额,退款金额,订单状态,下单时间,付款时间\n"
    "1,A1,裙,1,99,89,0,交易成功,2026-01-01 10:00,2026-01-01 10:02\n"
    "1,A1,鞋,2,99,80,80,交易成功,2026-01-01 10:00,2026-01-01 10:02\n"
    "2,A2,鞋,2,99,80,0,交易关闭,2026-01-01 10:00,\n"
)


def drafted(folder, **files):
    paths = []
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return draft(paths, folder=folder)


def test_headers_in_two_languages():
    for header, role in (
        ("手机号", "phone"),
        ("Mobile Phone", "phone"),
        ("订单编号", "order_id"),
        ("order_no", "order_id"),
        ("实付金额", "paid"),
        ("应付金额", "payable"),
        ("InvoiceDate", "paid_at"),
        ("会员手机号码", "phone"),
        ("CustomerID", "customer_no"),
        ("xyz", ""),
    ):
        assert role_of(header)[0] == role, header


def test_members_and_orders_are_told_apart_and_load_unedited(tmp_path):
    drafts = drafted(tmp_path, members__csv=MEMBERS.encode("gb18030"), orders__csv=ORDERS.encode("gb18030"))
    assert [d.source.id for d in drafts] == ["members", "order-lines"]
    assert [q.id for q in drafts[1].questions] == ["money", "date", "refunds"]
    intake = Intake(tmp_path, *[d.text for d in drafts])
    found = intake.load(now=NOW)
    assert sum(found.rejected.values()) == 0
    assert found.to_dict()["cancelled"] == 1
    money = {r["name"]: r["m"] for r in intake.ask("SELECT name, sum(amount) AS m FROM events GROUP BY name")}
    assert money == {"Order Completed": Decimal(169), "Order Refunded": Decimal(80)}
    assert intake.one("SELECT count(*) FROM traits WHERE name = 'birthday'") == 1
    intake.stores.close()


def test_a_draft_marks_its_guesses_and_shows_five_rows(tmp_path):
    (one,) = drafted(tmp_path, orders__csv=ORDERS)
    assert "# money received; its header says so" in one.text
    assert "# Not used: 应付金额, 下单时间" in one.text
    assert "ask:" in one.text
    assert one.rows[0]["name"] == "Order Completed"
    assert one.rows[0]["amount"] == "89.00"
    assert one.rows[0]["at"] == "2026-01-01 10:02+08:00"
    said = str(one)
    assert "Which date says when it happened? Assumed: 付款时间" in said
    assert "13812349876" not in str(drafted(tmp_path, members__csv=MEMBERS)[0])


def test_answers_change_the_mapping(tmp_path):
    (tmp_path / "o.csv").write_text(ORDERS.replace("2,99,80,80", "2,90,80,80"))
    answers = {"money": "应付金额", "date": "下单时间", "refunds": "this file shows none"}
    (one,) = draft([tmp_path / "o.csv"], folder=tmp_path, ask=lambda question: answers[question.id])
    assert one.source.lines.amount == "应付金额"
    assert one.source.events[0].happened_at == "下单时间"
    assert len(one.source.events) == 1
    assert [q.answer for q in one.questions] == list(answers.values())


def test_phones_and_dates_are_known_by_their_values(tmp_path):
    rows = "".join(f"138123{n:05d},{n}/1/2026,x{n % 3}\n" for n in range(13, 29))
    (one,) = drafted(tmp_path, list__csv="甲,乙,丙\n" + rows)
    assert one.source.identifiers == {"phone": "甲"}
    assert one.source.traits["丙"] == "丙"
    look = look_at(tmp_path / "list.csv")
    assert look.columns["乙"].order == "dmy"


def test_day_and_month_are_asked(tmp_path):
    rows = "".join(f"A{n},{n},{1 + n % 9}/{1 + n % 7}/2026\n" for n in range(20))
    (one,) = drafted(tmp_path, o__csv="customer id,order total,order date\n" + rows)
    assert any(q.id.startswith("day_month") for q in one.questions)
    assert one.source.events[0].happened_at.order in ("dmy", "mdy")


def test_several_files_of_one_shape_are_one_source(tmp_path):
    drafts = drafted(tmp_path, orders1__csv=ORDERS, orders2__csv=ORDERS.replace("1,A1", "7,A1"))
    assert len(drafts) == 1
    assert drafts[0].source.files == ("orders1.csv", "orders2.csv")
    assert drafts[0].source.name == "orders"


def test_other_shapes(tmp_path):
    drafts = drafted(
        tmp_path,
        clicks__jsonl='{"openid":"o1","event":"加购","time":"2026-01-01T10:00:00+08:00","item":"i1"}\n',
        items__csv="货号,品名,类目,吊牌价,成本\n1,裙,女装/裙,99,40\n",
        sites__csv="门店编码,门店,组织,经度,纬度\nS1,静安,华东/上海,121,31\n",
        refunds__csv="退款编号,订单编号,会员号,退款金额,退款完成时间\nR1,1,A1,5,2026-01-05\n",
        consents__csv="会员号,渠道,状态,时间,可用次数\nA1,sms,granted,2026-01-01,\nA1,sms,refused,2026-02-01,\n",
    )
    assert [d.source.id for d in drafts] == ["events", "items", "sites", "refunds", "consents"]
    intake = Intake(tmp_path, *[d.text for d in drafts])
    found = intake.load()
    assert (found.rows, sum(found.rejected.values())) == (6, 0)
    assert {r["name"] for r in intake.ask("SELECT name FROM events")} == {"Product Added", "Order Refunded"}
    intake.stores.close()


def test_an_order_total_on_every_line_is_taken_once(tmp_path):
    rows = "".join(f"{n // 3},C{n // 3},i{n},1,{100 + n // 3},2026-01-02\n" for n in range(30))
    (one,) = drafted(tmp_path, o__csv="order id,customer id,sku,quantity,order total,order date\n" + rows)
    intake = Intake(tmp_path, one.text)
    intake.load()
    assert intake.one("SELECT sum(amount) FROM events") == Decimal(sum(100 + n for n in range(10)))
    intake.stores.close()


def test_excel_and_parquet_are_drafted_too(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "会员.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["手机号", "城市"])
    sheet.write_row(1, 0, [13812349876, "上海"])
    book.close()
    pq.write_table(
        pa.table({"CustomerID": [1, 2], "amount": [1.5, 2.5], "date": ["2026-01-01"] * 2}), tmp_path / "o.parquet"
    )
    drafts = draft([tmp_path / "会员.xlsx", tmp_path / "o.parquet"], folder=tmp_path)
    assert [d.source.id for d in drafts] == ["members", "orders"]
    assert drafts[0].source.identifiers == {"phone": "手机号"}


def test_what_nobody_can_tell_is_said(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="none of its columns says who"):
        draft([tmp_path / "x.csv"], folder=tmp_path)
    (tmp_path / "y.xlsx").write_bytes(b"no")
    with pytest.raises(Broken, match="cannot be read as Excel"):
        draft([tmp_path / "y.xlsx"], folder=tmp_path)


def test_strange_headers_survive_the_yaml(tmp_path):
    (one,) = drafted(tmp_path, m__csv='手机号,"等级: ""高"" #1",yes\n13812349876,a,b\n13912349877,b,b\n')
    source = read(Source, yaml.safe_load(one.text), "x")
    assert as_mapping(source) == as_mapping(one.source)
    assert source.traits["level"] == '等级: "高" #1'
    assert source.traits["yes"] == "yes"


def test_a_folder_of_like_files_is_one_watched_source(tmp_path):
    (tmp_path / "pos").mkdir()
    for day in (19, 20):
        (tmp_path / "pos" / f"till-{day}.csv").write_text(
            "小票号,会员号,时间,实收金额\n1,M1,2026-08-01,5\n", encoding="utf-8"
        )
    (tmp_path / "pos" / "till-21.csv.part").write_text("小票号,会", encoding="utf-8")
    (one,) = draft([tmp_path / "pos"], folder=tmp_path / "shop")
    assert (one.source.files, one.source.watch) == (("../pos",), True)
    assert "watch: true  #" in one.text
    (tmp_path / "pos" / "members.csv").write_text("会员号,手机号\nM1,13812340001\n", encoding="utf-8")
    first, second = draft([tmp_path / "pos"], folder=tmp_path / "shop")
    assert sorted((*first.source.files, *second.source.files)) == [
        "../pos/members.csv", "../pos/till-19.csv", "../pos/till-20.csv"
    ]  # fmt: skip
    assert not first.source.watch


STATUSES = (
    "订单编号,会员卡号,实付金额,订单状态,退款状态,付款时间\n"
    "1,A1,89,交易成功,,2026-01-01 10:02\n"
    "2,A2,80,交易成功,退款成功,2026-01-02 10:02\n"
    "3,A2,70,交易成功,买家申请退款,2026-01-03 10:02\n"
    "4,A3,60,交易关闭,全额退款,2026-01-04 10:02\n"
    "5,A3,50,交易成功,退款关闭,2026-01-05 10:02\n"
)


def test_a_refund_status_is_asked_about_and_makes_refunds(tmp_path):
    (made,) = drafted(tmp_path, orders__csv=STATUSES)
    (asked,) = [question for question in made.questions if question.id == "refunds"]
    assert asked.answer.startswith("rows where 退款状态 says ")
    assert "退款成功" in asked.answer
    assert "买家申请退款" not in asked.answer
    shop = Intake(tmp_path, made.text)
    found = shop.load(source=made.source.id)
    assert (found.used, found.counts.cancelled) == (4, 1)
    rows = shop.ask("SELECT name, order_id, amount FROM events WHERE name = 'Order Refunded'")
    assert [(r["order_id"], r["amount"]) for r in rows] == [("2", Decimal(80))]
    assert shop.one("SELECT sum(amount) FROM events WHERE name = 'Order Completed'") == Decimal(289)
    shop.stores.close()


def test_a_refund_with_a_number_of_its_own_goes_back_on_the_order_it_names(tmp_path):
    (tmp_path / "till.csv").write_text(
        "小票号,原小票号,会员号,时间,货号,数量,实收\n"
        + "".join(f"{n},,M{n},2026-08-01 10:05,A1,1,100\n{n},,M{n},2026-08-01 10:05,A2,1,50\n" for n in range(1, 9))
        + "9,1,M1,2026-08-05 12:00,A2,-1,-50\n"
    )
    (one,) = draft([tmp_path / "till.csv"], folder=tmp_path)
    _, refund = one.source.events
    assert (refund.event_id, refund.order_id) == ("小票号", "原小票号")
    assert one.source.optional == ("原小票号",)
    assert "# Not used" not in one.text
