"""Enrichment in a collect: finds become traits and properties, reasons are counted, and nothing raw is left."""

from __future__ import annotations

import json
from typing import ClassVar

import pyarrow as pa
import pytest
import yaml

from intake import Intake
from limner.core.definition import read
from limner.core.errors import BadDefinition, Broken, NotFound
from limner.core.settings import EnrichSettings
from limner.flow.sources import base
from limner.flow.sources.definition import Source
from limner.flow.sources.enrich import Enriching, enrichers
from limner.flow.sources.mapping import every_column, mapped

MEMBERS = """
id: members
files: [members*]
identifiers: {member_no: 会员号, phone: 手机号, id_card: 身份证号}
enrich:
  - {kind: phone, column: 手机号, traits: {phone_city: city, phone_carrier: carrier, phone_is_valid: is_valid}}
  - {kind: id_card, column: 身份证号, traits: {birthday: born, gender: sex}}
  - {kind: address, columns: [省, 地址], traits: [province, city, district]}
  - {kind: person_name, column: 姓名, traits: [surname]}
reject:
  - {matching: {"姓名:name": {empty: true}}, reason: no name}
"""
ROWS = (
    "会员号,手机号,身份证号,省,地址,姓名\n"
    "M1,１３８１２３４９８７６,11010519491231002X,上海市,徐汇区漕溪北路18号,王 小明先生\n"
    "M2,138****9876,110105194912310021,,鼓楼区中山路,李四\n"
    "M3,1.38E+10,,江苏,南京鼓楼区中山路8号,欧阳娜娜 女士\n"
    "M4,13912349877,130503670401001,,,测试\n"
)


@pytest.fixture
def shop(tmp_path):
    intake = Intake(tmp_path, MEMBERS)
    yield intake
    intake.stores.close()


def traits(shop):
    rows = shop.ask("SELECT t.name, t.text, t.number, t.instant, t.trace FROM traits AS t")
    found = {}
    for row in rows:
        value = (
            row["text"] if row["text"] is not None else row["number"] if row["number"] is not None else row["instant"]
        )
        found.setdefault(row["trace"], {})[row["name"]] = value
    return sorted(found.values(), key=lambda t: str(t.get("surname")))


def test_finds_become_traits_and_reasons_are_counted(shop):
    shop.put("members.csv", ROWS, "gb18030")
    found = shop.load()
    assert (found.rows, found.used, found.rejected) == (4, 3, {"no name": 1})
    assert found.counts.values == {
        "address with a district of several cities": 1,
        "phone destroyed by a spreadsheet": 1,
        "wrong check digit of an id card": 1,
    }
    li, ouyang, wang = sorted(traits(shop), key=lambda t: {"李": 0, "欧阳": 1, "王": 2}[t["surname"]])
    assert (wang["city"], wang["district"], wang["gender"], wang["phone_is_valid"]) == (
        "上海市",
        "徐汇区",
        "female",
        1.0,
    )
    assert str(wang["birthday"])[:10] in ("1949-12-30", "1949-12-31")  # an instant: local midnight in UTC
    assert wang["phone_carrier"] == "中国移动"
    assert wang["phone_city"]
    assert "city" not in li
    assert "phone_city" not in li
    assert "birthday" not in li
    assert (ouyang["city"], ouyang["phone_is_valid"]) == ("南京市", 0.0)


def test_nothing_raw_is_left_in_the_lake(shop):
    shop.put("members.csv", ROWS)
    shop.load()
    for table in ("traits", "rejects", "identifiers", "events"):
        said = json.dumps(shop.ask(f"SELECT * FROM {table}"), default=str, ensure_ascii=False)
        for raw in ("13812349876", "13912349877", "11010519491231002", "110105194912310021", "中山路", "漕溪北路"):
            assert raw not in said, (table, raw)


def test_properties_of_events_and_conditions(tmp_path):
    shop = Intake(
        tmp_path,
        "id: acts\nfiles: [acts*]\nidentifiers: {openid: o}\n"
        "enrich:\n  - {kind: user_agent, column: ua, properties: {app: app, system: os}}\n"
        "cancelled: {'ua:is_bot': 'true'}\n"
        "events: [{name: e, happened_at: t, matching: {not: {'ua:is_bot': 'true'}}}]\n",
    )
    wechat = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.49"
    shop.put(
        "acts.csv",
        "o,e,t,ua\n"
        f'o1,view,2026-08-01 10:00:00,"{wechat}"\n'
        'o2,view,2026-08-01 10:00:00,"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"\n',
    )
    found = shop.load()
    assert (found.used, found.counts.cancelled) == (1, 1)
    assert json.loads(shop.one("SELECT extra FROM events")) == {"app": "wechat", "system": "iOS"}
    shop.stores.close()


@pytest.mark.parametrize("size", [2, 3, 1000])
def test_chunks_change_nothing(tmp_path, monkeypatch, size):
    monkeypatch.setattr(base, "CHUNK_ROWS", size)
    shop = Intake(tmp_path, MEMBERS)
    shop.put("members.csv", ROWS)
    found = shop.load()
    assert found.counts.values["wrong check digit of an id card"] == 1
    assert len(traits(shop)) == 3
    shop.stores.close()


def test_order_lines_in_parts_keep_their_finds(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "CHUNK_ROWS", 2)
    shop = Intake(
        tmp_path,
        "id: pos\nfiles: [pos*]\nidentifiers: {member_no: m}\n"
        "enrich: [{kind: address, column: a, traits: [city]}]\n"
        "events: [{name: {constant: Order Completed}, happened_at: t, order_id: o}]\nlines: {item_id: i, amount: p}\n",
    )
    rows = "".join(
        f"{n % 4},m{n % 4},2026-08-01,x{n},1.5,{a}\n"
        for n, a in enumerate(["杭州西湖区", "杭州西湖区", "哪里", "苏州", "杭州西湖区", "杭州", "?", "苏州"])
    )
    shop.put("pos.csv", "o,m,t,i,p,a\n" + rows)
    found = shop.load()
    assert found.used == 8
    assert found.counts.values == {"address without a known place": 2}
    assert {r["text"] for r in shop.ask("SELECT text FROM traits")} == {"杭州市", "苏州市"}
    shop.stores.close()


def source(text):
    return read(Source, yaml.safe_load(text), "sources/test.yaml")


def hold(text, columns=("p",)):
    return mapped(
        source(text), dict.fromkeys(columns, "text"), "f", zone="Asia/Shanghai", currency="CNY", properties={}
    )


def test_mistakes_are_named():
    with pytest.raises(NotFound, match="phone"):
        hold("id: s\nidentifiers: {phone: p}\nenrich: [{kind: phon, column: p, traits: [city]}]")
    with pytest.raises(BadDefinition, match="city"):
        hold("id: s\nidentifiers: {phone: p}\nenrich: [{kind: phone, column: p, traits: [citi]}]")
    with pytest.raises(BadDefinition, match="no column 'q'"):
        hold("id: s\nidentifiers: {phone: p}\nenrich: [{kind: phone, column: q, traits: [city]}]")
    with pytest.raises(BadDefinition, match="p:citty"):
        hold("id: s\nidentifiers: {phone: p}\nenrich: [{kind: phone, column: p}]\ntraits: {a: 'p:citty'}")
    with pytest.raises(Broken, match="ip_database"):
        Enriching.of("ip", EnrichSettings())


def test_columns_of_a_source_are_those_of_its_file():
    found = source(
        "id: s\nidentifiers: {phone: p}\nenrich: [{kind: phone, column: p, traits: [city]}]\ntraits: {a: 'p:carrier'}"
    )
    assert every_column(found) == ("p",)


def test_each_text_is_read_once():
    read_texts = []

    class Loud:
        finds: ClassVar = {"x": "text"}

        def read(self, plain):
            read_texts.append(plain)
            return enrichers.find("person_name").read(enrichers.find("person_name"), plain)._replace(found={"x": plain})

        def shown(self, plain):
            return plain

    work = Enriching("loud", Loud(), ("x",))
    for column in (["王小明", None, "李四", "王小明"], ["李四", "赵六", "无", ""]):
        work.look(pa.chunked_array([column]))
    assert read_texts == ["王小明", "李四", "赵六"]
    assert work.look(pa.chunked_array([[None, "赵六"]])).columns["x"].to_pylist() == [None, "赵六"]
    assert work.look(pa.chunked_array([], pa.string())).columns["x"].to_pylist() == []


def test_a_masked_phone_says_nothing():
    phones = Enriching.of("phone", EnrichSettings(), ["city", "is_valid"])
    found = phones.look(pa.array(["138****1234", "+1 650-253-0000", "13800138000"]))
    assert found.columns["city"].to_pylist() == [None, None, None]
    assert found.columns["is_valid"].to_pylist() == [None, "true", "false"]
    assert found.why.to_pylist() == [None, None, "placeholder phone"]
