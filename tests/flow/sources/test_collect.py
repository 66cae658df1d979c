"""`collect`: every row has one fate, a repeated file changes nothing, and nothing raw is left in the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert, select

from intake import HEAD, NOW, ORDERS, Intake
from limner.core.actor import OWNER
from limner.core.errors import BadDefinition, BadInput, NotFound
from limner.core.ids import identifier_hash
from limner.flow.sources import list_loads, withdraw
from limner.store.ledger.erasures import buried
from limner.store.ledger.tables import consents, loads, tombstones, touches


@pytest.fixture
def shop(tmp_path):
    intake = Intake(tmp_path, ORDERS)
    yield intake
    intake.stores.close()


LINES = """
id: pos
files: [pos*]
identifiers: {member_no: m}
events: [{name: {constant: Order Completed}, happened_at: t, order_id: o}]
lines: {item_id: i, amount: a}
"""
ROWS = (
    HEAD
    + "1,13812349876,A1,12.50,已付款,2026/8/1 8:05\n"
    + "2,1.38E+10,A1,¥20,已付款,2026/8/2 23:59\n"
    + "3,,,5,已付款,2026-08-03 10:00:00\n"
    + "4,13912349877,A2,9,已关闭,2026-08-03 10:00:00\n"
    + "5,13912349877,A2,abc,已付款,2026-08-03 10:00:00\n"
    + "1,13812349876,A1,12.50,已付款,2026/8/1 8:05\n"
    + "6,1\n"
    + "7,138****1111,A7,7,已付款,2099-01-01\n"
    + "8,138****1111,,7,已付款,2026-08-03T10:00:00+09:00\n"
    + "9,13912349877,A2,9,待付款,2026-08-03 10:00:00\n"
)


def test_every_row_has_one_fate(shop):
    shop.put("orders.csv", ROWS, "gb18030")
    found = shop.load()
    assert found.to_dict() == {
        "rows": 10, "used": 2, "anonymous": 2, "cancelled": 1,
        "rejected": {"date out of range": 1, "duplicate order": 1, "matches no event": 1, "not an amount": 1,
                     "wrong number of columns": 1},
        "values": {"phone destroyed by a spreadsheet": 1}, "unchanged": 0, "loads": [1], "held": [],
    }  # fmt: skip
    assert found.rows == found.used + 2 + 1 + sum(found.rejected.values())
    places = {
        (r["place"], r["column_name"], r["reason"]) for r in shop.ask("SELECT place, column_name, reason FROM rejects")
    }
    assert ("orders.csv:3", "手机号", "phone destroyed by a spreadsheet") in places
    assert ("orders.csv:6", "实付", "not an amount") in places
    assert ("orders.csv:7", "订单号", "duplicate order") in places
    assert ("orders.csv:8", "", "wrong number of columns") in places
    assert "10 rows" in str(found)


def test_amounts_days_and_hours(shop):
    shop.put("orders.csv", ROWS)
    shop.load()
    found = {r["order_id"]: r for r in shop.ask("SELECT * FROM events")}
    assert found["2"]["amount"] == Decimal(20)
    assert found["2"]["currency"] == "CNY"
    assert (found["2"]["day"], found["2"]["hour"]) == ((datetime(2026, 8, 2) - datetime(1970, 1, 1)).days, 23)
    assert found["8"]["hour"] == 10, "the hour is in the stamp's own offset"
    assert found["8"]["happened_at"] == datetime(2026, 8, 3, 1, tzinfo=UTC)
    assert found["1"]["received_at"] == NOW
    assert found["1"]["is_history"] is True


def test_identifiers_link_what_stood_together_and_a_masked_phone_never(shop):
    shop.put("orders.csv", ROWS)
    shop.load()
    rows = shop.ask("SELECT kind, strength, trace, with_trace FROM identifiers ORDER BY trace")
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    assert {r["strength"] for r in by_kind["masked_phone"]} == {"never"}
    trace = {r["order_id"]: r["trace"] for r in shop.ask("SELECT order_id, trace FROM events")}
    assert trace["1"] == trace["2"], "the member number is stronger than the phone"
    assert trace["3"] is None
    assert trace["8"] is None, "a masked phone stands for nobody"
    assert {r["with_trace"] for r in by_kind["phone"]} >= {trace["1"]}


def test_raw_addresses_stand_in_the_vault_only(shop):
    shop.put("orders.csv", ROWS)
    shop.load()
    phone = shop.one("SELECT trace FROM identifiers WHERE kind = 'phone' ORDER BY happened_at LIMIT 1")
    assert shop.stores.vault.open([phone]) == {phone: "+8613812349876"}
    for path in (shop.folder / "shop" / "state").rglob("*"):
        if path.is_file() and "vault" not in path.name:
            assert b"13812349876" not in path.read_bytes(), path
    shown = [r["value"] or "" for r in shop.ask("SELECT value FROM rejects")]
    assert not any("13812349876" in v for v in shown)


def test_the_same_file_twice_changes_nothing(shop):
    path = shop.put("orders.csv", ROWS)
    shop.load()
    before = shop.stores.lake.catalog.seq()
    again = shop.load()
    assert (again.unchanged, again.rows) == (1, 0)
    path.rename(shop.folder / "orders (1).csv")
    assert shop.load().unchanged == 1
    assert shop.stores.lake.catalog.seq() == before


def test_two_files_of_the_same_content_in_one_run(shop):
    shop.put("orders.csv", ROWS)
    shop.put("orders2.csv", ROWS)
    found = shop.load()
    assert (found.rows, found.unchanged) == (10, 1)


def test_an_order_in_another_file_is_a_duplicate_and_the_one_with_a_customer_counts(shop):
    shop.put("orders1.csv", HEAD + "1,,,5,已付款,2026-08-03\n2,,A2,6,已付款,2026-08-03\n")
    shop.put("orders2.csv", HEAD + "1,,A1,5,已付款,2026-08-03\n2,,A2,6,已付款,2026-08-03\n")
    found = shop.load()
    assert found.rejected == {"duplicate order": 2}
    assert shop.one("SELECT count(*) FROM events WHERE trace IS NULL") == 0
    shop.put("orders3.csv", HEAD + "1,,A9,7,已付款,2026-08-03\n3,,A9,7,已付款,2026-08-03\n")
    assert shop.load().to_dict()["rejected"] == {"duplicate order": 1}
    assert shop.one("SELECT sum(amount) FROM events") == Decimal(18)


def test_a_changed_mapping_reads_the_file_again_and_replaces_the_load(shop):
    shop.put("orders.csv", ROWS)
    shop.load()
    shop.say(ORDERS.replace("amount: 实付", "amount: {column: 实付, unit: 2}"))
    found = shop.load()
    assert found.files[0].replaces == 1
    assert [load.state for load in list_loads(shop.stores)] == ["withdrawn", "done"]
    assert shop.one("SELECT max(amount) FROM events") == Decimal(40)


def test_a_withdrawn_load_never_was(shop):
    shop.put("orders1.csv", HEAD + "1,,A1,5,已付款,2026-08-03\n")
    shop.load()
    want = {t: shop.ask(f"SELECT * EXCLUDE (seq) FROM {t} ORDER BY ALL") for t in ("events", "identifiers", "rejects")}
    shop.put("orders2.csv", HEAD + "2,13812349876,A1,6,已付款,2026-08-04\n1,,A1,5,已付款,2026-08-03\n")
    (load,) = shop.load().loads
    back = withdraw(shop.stores, load, who=OWNER, now=NOW)
    assert back.rows > 0
    for table, rows in want.items():
        assert shop.ask(f"SELECT * EXCLUDE (seq) FROM {table} ORDER BY ALL") == rows
    assert withdraw(shop.stores, load, who=OWNER, now=NOW).rows == 0
    again = shop.load()
    assert again.to_dict()["rejected"] == {"duplicate order": 1}
    with pytest.raises(NotFound, match="no load 99"):
        withdraw(shop.stores, 99, who=OWNER, now=NOW)


def test_a_duplicate_comes_back_when_the_load_that_stated_it_first_is_withdrawn(tmp_path):
    other = LINES.replace("id: pos", "id: web").replace("[pos*]", "[web*]")
    shop = Intake(tmp_path, LINES, other)
    shop.put("pos.csv", "o,m,i,a,t\n1,A,x,5,2026-08-01\n1,A,y,6,2026-08-01\n2,A,x,7,2026-08-01\n")
    shop.put("web.csv", "o,m,i,a,t\n1,B,x,9,2026-08-02\n3,B,x,8,2026-08-01\n")
    assert shop.load(source="pos").rejected == {}
    found = shop.load(source="web")
    assert found.rejected == {"duplicate order": 1}
    alone = Intake(tmp_path / "alone", other)
    alone.put("web.csv", (tmp_path / "web.csv").read_bytes())
    alone.load()
    back = withdraw(shop.stores, 1, who=OWNER, now=NOW)
    assert back.revived == 1
    for sql in (
        "SELECT order_id, amount, happened_at, source FROM events ORDER BY ALL",
        "SELECT order_id, line, item_id, amount FROM lines ORDER BY ALL",
    ):
        assert shop.ask(sql) == alone.ask(sql)
    assert withdraw(shop.stores, found.loads[0], who=OWNER, now=NOW).revived == 0
    assert shop.one("SELECT count(*) FROM events") == 0
    alone.stores.close()


def test_an_unknown_column_is_named_with_what_may_have_been_meant(shop):
    shop.put("orders.csv", HEAD.replace("实付", "实付金额") + "1,,A1,5,已付款,2026-08-03\n")
    with pytest.raises(BadDefinition, match=r"has no column '实付'.*Did you mean '实付金额'"):
        shop.load()
    with pytest.raises(BadDefinition):
        shop.load()  # it is known to have failed: one load says so
    (failed,) = list_loads(shop.stores)
    assert (failed.state, failed.why.code) == ("failed", "source_column_unknown")
    assert "实付金额" in str(failed.why)


def test_a_file_that_breaks_leaves_nothing_and_the_ones_before_it_stay(shop):
    shop.put("orders1.csv", HEAD + "1,,A1,5,已付款,2026-08-03\n")
    pq.write_table(pa.table({n: ["x"] for n in HEAD.strip().split(",")}), shop.folder / "orders2.parquet")
    whole = (shop.folder / "orders2.parquet").read_bytes()
    (shop.folder / "orders2.parquet").write_bytes(whole[:20] + b"\x00" * 30 + whole[50:])
    with pytest.raises(Exception, match=r"orders2\.parquet"):
        shop.load()
    assert shop.one("SELECT count(*) FROM events") == 1
    assert {load.state for load in list_loads(shop.stores)} <= {"done", "failed"}


def test_missing_files_and_sources_say_so(shop):
    with pytest.raises(BadInput, match="there is no file orders"):
        shop.load(source="orders")
    with pytest.raises(NotFound, match="Did you mean 'orders'"):
        shop.load(source="ordres")
    shop.put("orders.csv", ROWS)
    with pytest.raises(BadInput, match=r"Did you mean 'orders\.csv'"):
        shop.load("orderz.csv")


def test_event_ids_are_taken_once(tmp_path):
    intake = Intake(tmp_path, "{id: clicks, files: [c*], identifiers: {openid: o}, extra: keep, events: "
                    "[{name: e, happened_at: t, event_id: i, properties: {colour: c, campaign: k}}]}")  # fmt: skip
    line = '{"o":"%s","e":"%s","t":1788221100,"i":%d,"c":"红","k":"x","more":{"tel":"13812349876","n":1}}\n'
    intake.put(
        "c1.jsonl", line % ("a", "加购", 1) + line % ("a", "加购", 1) + line % ("b", "Wheel Spun", 2) + "{oops\n"
    )
    found = intake.load()
    assert found.to_dict()["rejected"] == {"duplicate event": 1, "not a JSON object": 1}
    intake.put("c2.jsonl", line % ("b", "Wheel Spun", 2) + line % ("b", "Wheel Spun", 3))
    assert intake.load().rejected == {"duplicate event": 1}
    rows = intake.ask("SELECT name, extra, p_campaign FROM events ORDER BY seq")
    assert {r["name"] for r in rows} == {"Product Added", "Wheel Spun"}
    assert rows[0]["p_campaign"] == "x"
    assert '"colour":"红"' in rows[0]["extra"]
    assert "13812349876" not in rows[0]["extra"]
    assert '"more.n":"1"' in rows[0]["extra"]


def test_order_lines_make_one_event_per_order(tmp_path):
    intake = Intake(
        tmp_path,
        """
id: pos
files: [pos*]
identifiers: {member_no: m}
events:
  - {name: {constant: Order Completed}, matching: {n: {over: 0}}, happened_at: t, order_id: o, properties: {coupon: c, coupon_amount: k}}
  - {name: {constant: Order Refunded}, matching: {n: {under: 0}}, happened_at: t, order_id: o}
lines: {item_id: i, quantity: n, list_price: l, amount: a}
""",
    )
    intake.put("pos.csv", "o,m,i,n,l,a,t,c,k\n"
               "1,A,x,1,10,9,2026-08-01 10:00,,0\n2,A,x,2,10,20,2026-08-01 11:00,,0\n1,A,y,1,5,5,2026-08-01 10:01,C1,2\n"
               "1,A,y,1,5,5,2026-08-01 10:01,C1,2\n3,A,x,-1,10,-9,2026-08-02 10:00,,\n4,A,,1,1,1,2026-08-02,,\n")  # fmt: skip
    found = intake.load()
    assert found.to_dict()["rejected"] == {"no item": 1}
    events = {r["order_id"]: r for r in intake.ask("SELECT * FROM events")}
    assert events["1"]["amount"] == Decimal(19), "identical lines of one invoice are kept"
    assert events["1"]["p_list_amount"] == Decimal(20)
    assert events["1"]["p_coupon"] == "C1"
    assert events["1"]["p_coupon_amount"] == Decimal(4)
    assert events["1"]["happened_at"] == datetime(2026, 8, 1, 2, tzinfo=UTC)
    assert events["1"]["item_id"] is None
    assert events["2"]["item_id"] == "x"
    assert (events["3"]["name"], events["3"]["amount"]) == ("Order Refunded", Decimal(9))
    lines = intake.ask("SELECT order_id, line, item_id, amount, day, trace FROM lines ORDER BY order_id, line")
    assert [(r["order_id"], r["line"]) for r in lines] == [("1", 1), ("1", 2), ("1", 3), ("2", 1), ("3", 1)]
    assert len({r["trace"] for r in lines}) == 1


def test_a_refund_with_a_number_of_its_own_is_an_event_of_its_own(tmp_path):
    intake = Intake(
        tmp_path,
        """
id: pos
files: [pos*]
events: [{name: {constant: Order Refunded}, happened_at: t, order_id: o, event_id: r}]
lines: {item_id: i, amount: a}
""",
    )
    intake.put("pos1.csv", "o,r,i,a,t\n1,R1,x,-5,2026-08-01\n1,R1,y,-6,2026-08-01\n1,R2,z,-7,2026-08-02\n")
    intake.put("pos2.csv", "o,r,i,a,t\n1,R2,z,-7,2026-08-02\n1,R3,z,-8,2026-08-03\n")
    found = intake.load()
    assert found.to_dict()["rejected"] == {"duplicate event": 1}
    amounts = [r["amount"] for r in intake.ask("SELECT amount FROM events ORDER BY happened_at")]
    assert amounts == [Decimal(11), Decimal(7), Decimal(8)]
    intake.put("pos3.csv", "o,r,i,a,t\n1,R1,x,-5,2026-08-01\n1,R1,y,-6,2026-08-01\n")
    assert intake.load().rejected == {"duplicate event": 2}


def test_one_batch_or_many_give_the_same_lake(tmp_path, monkeypatch):
    from limner.flow.sources import base

    mapping = "{id: pos, files: [pos*], identifiers: {member_no: m}, events: [{name: {constant: Order Completed}, " \
              "happened_at: t, order_id: o}], lines: {item_id: i, amount: a}, traits: {city: c}}"  # fmt: skip
    body = "o,m,i,a,t,c\n" + "".join(f"{n % 97},A{n % 13},i{n % 7},{n}.25,2026-08-01,c{n % 3}\n" for n in range(1000))
    found = []
    for size in (10_000, 100, 33):
        monkeypatch.setattr(base, "CHUNK_ROWS", size)
        (tmp_path / str(size)).mkdir()
        intake = Intake(tmp_path / str(size), mapping)
        intake.put("pos.csv", body)
        intake.put("pos2.csv", body.replace("2026-08-01", "2026-08-02").replace("\n", "\nX").rstrip("X"))
        counts = intake.load().counts.to_dict()
        rows = intake.ask("SELECT order_id, amount, happened_at FROM events ORDER BY ALL")
        lines = intake.ask("SELECT order_id, line, item_id, amount FROM lines ORDER BY ALL")
        found.append((counts, rows, lines))
        intake.stores.close()
    assert found[0] == found[1] == found[2]
    assert found[0][0]["rows"] == 2000


PEOPLE = """
id: members
files: [m*]
identifiers: {member_no: num, phone: tel}
traits:
  city: {column: city, type: place}
  points: {column: pts, type: number}
  born: {column: born, type: date}
  is_vip: {column: vip, type: bool}
traits_at: since
holdings: [{kind: {constant: card}, item_id: card, opened_at: since, amount: pts, matching: {card: {empty: false}}}]
relations: [{kind: {constant: referrer}, other: ref, other_kind: member_no, happened_at: since, matching: {ref: {empty: false}}}]
"""


def test_traits_holdings_and_relations(tmp_path):
    intake = Intake(tmp_path, PEOPLE)
    intake.put("m.csv", "num,tel,city,pts,born,vip,since,card,ref\nA1,,上海,12,1960-01-02,是,2025-01-01,gold,\n"
               "A2,,北京,x,,perhaps,2025-01-02,,A1\n,,无,1,,,2025-01-01,,\n")  # fmt: skip
    found = intake.load()
    assert found.to_dict()["rejected"] == {"no identifier": 1}
    assert found.to_dict()["values"] == {"neither yes nor no": 1, "not an amount": 1}
    traits = {(r["trace"], r["name"]): r for r in intake.ask("SELECT * FROM traits")}
    one, two = (r["trace"] for r in intake.ask("SELECT trace FROM traits WHERE name = 'city' ORDER BY happened_at"))
    assert traits[one, "city"]["text"] == "上海"
    assert traits[one, "points"]["number"] == 12
    assert traits[one, "born"]["instant"].year == 1960
    assert traits[one, "is_vip"]["number"] == 1
    assert (two, "points") not in traits
    (held,) = intake.ask("SELECT * FROM holdings")
    assert (held["kind"], held["item_id"], held["amount"]) == ("card", "gold", Decimal(12))
    (tie,) = intake.ask("SELECT * FROM relations")
    assert (tie["trace"], tie["other_trace"], tie["kind"]) == (two, one, "referrer")


def test_items_and_sites_need_no_customer(tmp_path):
    intake = Intake(tmp_path, "{id: items, files: [i*], items: {item_id: num, name: n, price: p, category: c}}",
                    "{id: sites, files: [s*], sites: {site_id: num, name: n, org: o, longitude: x, latitude: y}}")  # fmt: skip
    intake.put("i.csv", "num,n,p,c\n1,裙,¥99,女装/裙\n,x,1,\n2,鞋,,\n")
    intake.put("s.csv", "num,n,o,x,y\nS1,南京东路,华东/上海,121.4,31.2\n")
    found = intake.load()
    assert found.to_dict()["rejected"] == {"no item": 1}
    assert found.used == 3
    assert intake.one("SELECT price FROM items WHERE item_id = '1'") == Decimal(99)
    assert intake.one("SELECT longitude FROM sites") == pytest.approx(121.4)


CONSENTS = "{id: consents, files: [c*], identifiers: {member_no: num}, consents: [{channel: ch, granted: st, happened_at: t, uses: u}]}"


def test_consents_go_to_the_ledger_and_a_withdrawn_load_keeps_its_refusals(tmp_path):
    intake = Intake(tmp_path, CONSENTS)
    intake.put(
        "c.csv",
        "num,ch,st,t,u\nA,sms,granted,2026-01-01,\nA,mini,granted,2026-01-02,1\nB,sms,refused,2026-01-03,\nC,sms,?,2026-01-03,\n",
    )
    found = intake.load()
    assert found.to_dict()["rejected"] == {"neither yes nor no": 1}
    with intake.stores.ledger.read() as connection:
        rows = connection.execute(select(consents).order_by(consents.c.happened_at)).mappings().all()
    assert [(r["channel"], r["is_granted"], r["uses"], r["purpose"]) for r in rows] == [
        ("sms", True, None, "marketing"), ("mini", True, 1, "marketing"), ("sms", False, None, "marketing"),
    ]  # fmt: skip
    mark = identifier_hash(intake.stores.hash_key, "member_no", "A")
    assert bytes(rows[0]["hash"]) == mark
    taken = withdraw(intake.stores, found.loads[0], who=OWNER, now=NOW)
    assert taken.grants == 2
    with intake.stores.ledger.read() as connection:
        left = (
            connection.execute(select(consents.c.is_granted).where(consents.c.withdrawn_at.is_(None))).scalars().all()
        )
    assert left == [False]


def test_receipts_become_events_of_their_touch_and_an_opt_out_a_refusal(tmp_path):
    intake = Intake(tmp_path, "{id: receipts, files: [r*], receipts: {message_key: k, status: s, happened_at: t}}",
                    "{id: members, files: [m*], identifiers: {member_no: num}}")  # fmt: skip
    intake.put("m.csv", "num,x\nA,1\n")
    intake.load(source="members")
    trace = intake.one("SELECT trace FROM identifiers")
    with intake.stores.ledger.write() as connection:
        connection.execute(insert(touches).values(
            touch_id=7, message_key="key1", plan_id=1, campaign="back", number=1, trace=trace, channel="sms", offer="o",
            message_class="marketing", handed_over_at=NOW - timedelta(days=1), attempts=1, is_uncertain=False, cost=0,
        ))  # fmt: skip
    line = '{"k":"%s","s":"%s","t":"2026-08-31T%s:00:00+08:00"}\n'
    intake.put("r.jsonl", line % ("key1", "delivered", "20") + line % ("key1", "delivered", "20") + line % ("key1", "退订", "21")
               + line % ("key9", "delivered", "20") + line % ("key1", "melted", "20"))  # fmt: skip
    found = intake.load(source="receipts")
    assert found.to_dict()["rejected"] == {"duplicate receipt": 1, "unknown message": 1, "unknown status": 1}
    rows = intake.ask("SELECT name, touch_id, trace, p_campaign, via, is_history FROM events ORDER BY happened_at")
    assert [r["name"] for r in rows] == ["Message Delivered", "Message Unsubscribed"]
    assert rows[0] == {
        "name": "Message Delivered",
        "touch_id": 7,
        "trace": trace,
        "p_campaign": "back",
        "via": "sms",
        "is_history": False,
    }
    with intake.stores.ledger.read() as connection:
        (refusal,) = connection.execute(select(consents)).mappings().all()
    assert (refusal["channel"], refusal["is_granted"], refusal["trace"]) == ("sms", False, trace)
    intake.put("r2.jsonl", line % ("key1", "delivered", "20"))
    assert intake.load("r2.jsonl", source="receipts").rejected == {"duplicate receipt": 1}


def test_an_erased_person_does_not_come_back(shop):
    with shop.stores.ledger.write() as connection:
        mark = identifier_hash(shop.stores.hash_key, "member_no", "A1")
        connection.execute(insert(tombstones).values(kind="member_no", hash=buried(mark), happened_at=NOW))
    shop.put("orders.csv", HEAD + "1,13812349876,A1,5,已付款,2026-08-03\n2,,A2,6,已付款,2026-08-03\n")
    assert shop.load().rejected == {"erased on request": 1}
    assert shop.one("SELECT count(*) FROM events") == 1


def test_refunds_are_positive_and_other_currencies_stay_out(tmp_path):
    intake = Intake(
        tmp_path, "{id: r, files: [r*], events: [{name: e, happened_at: t, order_id: o, amount: a, currency: c}]}"
    )
    intake.put(
        "r.csv",
        "e,t,o,a,c\n退款,2026-08-01,1,-5,CNY\n退款,2026-08-01,1,5,cny\n退款,2026-08-01,1,6,\n支付成功,2026-08-01,2,9,USD\n",
    )
    found = intake.load()
    assert found.to_dict()["rejected"] == {"duplicate refund": 1, "other currency": 1}
    assert intake.one("SELECT sum(amount) FROM events WHERE name = 'Order Refunded'") == Decimal(11)


def test_progress_is_told_and_ends_whole(shop):
    shop.put("orders.csv", ROWS)
    told = []
    shop.load(tell=lambda done, total, words: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert [d for d, _ in told] == sorted(d for d, _ in told)


def test_loads_are_listed(shop):
    shop.put("orders.csv", ROWS)
    shop.load()
    (load,) = list_loads(shop.stores)
    assert (load.source, load.file, load.state, load.counts.rows) == ("orders", "orders.csv", "done", 10)
    with shop.stores.ledger.read() as connection:
        assert connection.execute(select(loads.c.rows)).scalar_one() == 10


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("{id: x, files: [o]}", "says of no column"),
        ("{id: x, files: [o], traits: {a: b}}", "Map identifiers"),
        ("{id: x, files: [o], events: [{name: a, happened_at: b, matching: {a: {overr: 1}}}]}", "Did you mean 'over'"),
        ("{id: x, files: [o], events: [{name: a, happened_at: b, matching: {a: {over: lots}}}]}", "needs a number"),
        ("{id: x, files: [o], events: [{name: a, happened_at: b}], lines: {item_id: a}}", "needs the field 'order_id'"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path, mapping, message):
    intake = Intake(tmp_path, mapping)
    intake.put("o", "a,b\n1,2026-01-01\n")
    (tmp_path / "o").rename(tmp_path / "o.csv")
    intake.say(mapping.replace("[o]", "[o.csv]"))
    with pytest.raises(BadDefinition, match=message):
        intake.load()


def test_a_file_given_twice_with_another_between_is_loaded_once(tmp_path):
    intake = Intake(
        tmp_path, "{id: acts, files: [a*], identifiers: {member_no: m}, events: [{name: e, happened_at: t}]}"
    )
    for name, head in (("a1.csv", "m,e,t"), ("a2.csv", "m,e,t,more"), ("a3.csv", "m,e,t")):
        intake.put(name, f"{head}\nA1,看,2026-08-01{',x' if 'more' in head else ''}\n")
    found = intake.load()
    assert [one.is_unchanged for one in found.files] == [False, False, True]
    assert found.counts.rows == 2
    assert intake.ask("SELECT count(*) AS n FROM events") == [{"n": 2}]
