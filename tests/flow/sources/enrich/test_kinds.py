"""Each kind of enrichment: what it finds, what it leaves open, and that it never falls over."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_database import xdb
from limner.core.errors import Broken
from limner.core.settings import EnrichSettings
from limner.flow.sources.enrich import Enriching, enrichers
from limner.flow.sources.enrich.address import place_of
from limner.flow.sources.enrich.divisions import divisions


def finds(kind, raw, settings=None):
    work = Enriching.of(kind, settings or EnrichSettings())
    found = work.look(pa.array([raw], pa.string()))
    return {name: column[0].as_py() for name, column in found.columns.items() if column[0].as_py() is not None}


def reason(kind, raw, settings=None):
    return Enriching.of(kind, settings or EnrichSettings()).look(pa.array([raw])).why[0].as_py()


ADDRESSES = [
    ("上海徐汇漕溪北路18号", "上海市", "上海市", "徐汇区", "310104"),
    ("上海市上海市徐汇区", "上海市", "上海市", "徐汇区", "310104"),
    ("收货地址：　内蒙　呼市，新城区", "内蒙古自治区", "呼和浩特市", "新城区", "150102"),
    ("江苏省 南京市 鼓楼区 中山路", "江苏省", "南京市", "鼓楼区", "320106"),
    ("福建鼓楼区", "福建省", "福州市", "鼓楼区", "350102"),
    ("长春朝阳区", "吉林省", "长春市", "朝阳区", "220104"),
    ("朝阳双塔区", "辽宁省", "朝阳市", "双塔区", "211302"),
    ("湖北 省直辖县级行政区划 仙桃市", "湖北省", "仙桃市", "", "429004"),
    ("海南州共和县", "青海省", "海南藏族自治州", "共和县", "632521"),
    ("海南文昌", "海南省", "文昌市", "", "469005"),
    ("吉林市船营区", "吉林省", "吉林市", "船营区", "220204"),
    ("昆山市玉山镇", "江苏省", "苏州市", "昆山市", "320583"),
    ("苏州工业园区", "江苏省", "苏州市", "", "320500"),
    ("重庆市县城口县", "重庆市", "重庆市", "城口县", "500229"),
    ("广东东莞长安镇", "广东省", "东莞市", "", "441900"),
    ("新疆伊犁州伊宁市", "新疆维吾尔自治区", "伊犁哈萨克自治州", "伊宁市", "654002"),
    ("大理市古城", "云南省", "大理白族自治州", "大理市", "532901"),
    ("上海卢湾区淮海路", "上海市", "上海市", "卢湾区", "310103"),
    ("山东即墨市", "山东省", "青岛市", "即墨区", "370215"),
    ("香港中西区", "香港特别行政区", "香港特别行政区", "中西区", "810001"),
    ("浙江杭州", "浙江省", "杭州市", "", "330100"),
]


@pytest.mark.parametrize(("written", "province", "city", "district", "code"), ADDRESSES, ids=[a[0] for a in ADDRESSES])
def test_addresses(written, province, city, district, code):
    wanted = {"province": province, "city": city, "district": district, "code": code}
    assert finds("address", written) == {name: value for name, value in wanted.items() if value}
    assert reason("address", written) is None


@pytest.mark.parametrize("written", ["鼓楼区中山路", "朝阳区建国路88号", "西湖区文三路", "河北新华区"])
def test_a_district_of_several_cities_is_not_guessed(written):
    assert "district" not in finds("address", written)
    assert "city" not in finds("address", written)
    assert reason("address", written) == "address with a district of several cities"


@pytest.mark.parametrize("written", ["南京路100号", "北京东路", "中山路", "hello", "香港中路10号", "１２３"])
def test_a_street_is_no_city(written):
    assert finds("address", written) == {}
    assert reason("address", written) == "address without a known place"


def test_every_division_written_in_full_is_itself():
    known = divisions()
    for county in known.counties.values():
        if county.code not in known.former:
            place = known.of_code(county.code)
            once = place.province + (place.city if place.city != place.province else "") + place.district
            for written in (place.province + place.city + place.district, once):
                assert place_of(written + "人民路1号") == (place, None), written


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_upsets_a_kind(written):
    for kind in ("address", "person_name", "id_card", "phone", "user_agent"):
        finds(kind, written)


@settings(deadline=None)
@given(st.text(alphabet="北京上海市区县朝阳鼓楼南路中山吉林省州内蒙古自治", max_size=12))
def test_a_place_is_whole(written):
    place, _ = place_of(written)
    assert bool(place.province) == bool(place.code)
    assert not place.district or place.city
    if place.code:
        assert divisions().of_code(place.code) == place


def test_old_codes_of_id_cards():
    for code, province, city, district in (
        ("310103", "上海市", "上海市", "卢湾区"),
        ("372301", "山东省", "滨州市", ""),
        ("329003", "江苏省", "苏州市", ""),
        ("512301", "重庆市", "重庆市", ""),
        ("440524", "广东省", "汕头市", ""),
        ("419001", "河南省", "济源市", ""),
        ("990000", "", "", ""),
    ):
        assert divisions().of_code(code)[:3] == (province, city, district), code


def test_former_codes_lead_to_cities_of_today():
    known = divisions()
    assert [code for code in known.former if len(code) == 4 and code in known.cities] == []
    assert [city for city in known.former.values() if city not in known.cities] == []


AGENTS = [
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x1800312d) NetType/WIFI", {"app": "wechat", "app_version": "8.0.49", "os": "iOS", "form": "phone", "is_mini_program": "false", "brand": "Apple"}),
    ("Mozilla/5.0 (Linux; Android 13; V2243A; wv) AppleWebKit/537.36 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MicroMessenger/8.0.43.2480 Weixin NetType/WIFI MiniProgramEnv/android", {"app": "wechat", "is_mini_program": "true", "os": "Android", "form": "phone"}),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/108 Safari/537.36 wxwork/4.1.20 MicroMessenger/7.0.1", {"app": "wecom", "app_version": "4.1.20", "form": "desktop"}),
    ("Mozilla/5.0 (Linux; U; Android 12; zh-CN; M2007) AppleWebKit/537.36 Chrome/69 UCBrowser/13.0 Mobile Safari/537.36 AliApp(AP/10.3.0) AlipayClient/10.3.0", {"app": "alipay", "browser": "UC Browser"}),
    ("Mozilla/5.0 (Linux; Android 11; SM-G9910) AppleWebKit/537.36 Chrome/75 Mobile Safari/537.36 aweme_230400 JsSdk/1.0 NetType/WIFI", {"app": "douyin", "form": "phone"}),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605 Mobile/20A AliApp(DingTalk/7.0.0) com.laiwang.DingTalk/7.0.0", {"app": "dingtalk"}),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", {"browser": "Chrome", "browser_version": "120", "os": "Windows", "form": "desktop", "is_bot": "false"}),
    ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", {"is_bot": "true", "form": "bot"}),
    ("Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00) AppleWebKit/537.36 Chrome/99 HuaweiBrowser/14.0 Mobile Safari/537.36", {"os": "HarmonyOS", "browser": "Huawei Browser", "form": "phone"}),
    ("python-requests/2.31", {"is_bot": "true"}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "wanted"), AGENTS, ids=[str(n) for n in range(len(AGENTS))])
def test_user_agents(written, wanted):
    found = finds("user_agent", written)
    assert {name: found.get(name) for name in wanted} == wanted


def test_an_unknown_user_agent_is_counted():
    assert reason("user_agent", "xyz") == "user agent of no known browser"


NAMES = [
    ("王 小明  先生", {"name": "王小明", "surname": "王", "sex": "male"}),
    ("欧阳娜娜女士", {"name": "欧阳娜娜", "surname": "欧阳", "sex": "female"}),
    ("买买提•艾力", {"name": "买买提·艾力"}),
    ("李\u3000四", {"name": "李四", "surname": "李"}),
    ("Ｊｏｈｎ   Smith", {"name": "John Smith"}),
    ("Mr. John Smith", {"name": "John Smith", "sex": "male"}),
    ("Аnna", {"name": "Anna"}),
    ("张总", {"name": "张", "surname": "张"}),
    ("小仙女🌸", {"name": "小仙女🌸"}),
    ("🌸", {"name": "🌸"}),
    ("王小明(公司)", {"name": "王小明", "surname": "王"}),
]


@pytest.mark.parametrize(("written", "wanted"), NAMES, ids=[n[0] for n in NAMES])
def test_names(written, wanted):
    assert finds("person_name", written) == wanted


@pytest.mark.parametrize("written", ["测试", "13812349876", "微信用户", "上海某某有限公司", "???", "a@b.com"])
def test_what_is_no_name(written):
    assert finds("person_name", written) == {}
    assert reason("person_name", written) == "not a name of a person"


def test_phones_by_the_table_of_the_operator(tmp_path):
    table = tmp_path / "prefixes.csv"
    table.write_text("prefix,province,city,carrier\n1381234,江苏,连云港,移动\n199,,,电信\n", encoding="utf-8")
    settings = EnrichSettings(phone_prefixes=str(table))
    assert finds("phone", "138 1234-9876", settings) == {
        "is_valid": "true", "country": "CN", "province": "江苏省", "city": "连云港市", "carrier": "中国移动",
    }  # fmt: skip
    assert finds("phone", "19912345679", settings)["carrier"] == "中国电信"
    assert reason("phone", "13912345679", settings) == "phone with an unknown prefix"
    with pytest.raises(Broken, match="nowhere"):
        Enriching.of("phone", EnrichSettings(phone_prefixes=str(tmp_path / "nowhere.csv")))


def test_a_phone_of_the_library_has_place_and_carrier():
    found = finds("phone", "13812349876")
    assert (found["province"], found["city"], found["carrier"]) == ("江苏省", "连云港市", "中国移动")
    assert finds("phone", "13812349876 ") == found


def test_ip_addresses(tmp_path):
    path = xdb(
        tmp_path / "small.xdb",
        [("1.2.0.0", "1.2.255.255", "中国|0|江苏省|南京市|电信"), ("8.8.0.0", "8.8.255.255", "美国|0|0|0|谷歌")],
    )
    settings = EnrichSettings(ip_database=str(path))
    assert finds("ip", "1.2.3.4", settings) == {
        "country": "中国", "province": "江苏省", "city": "南京市", "carrier": "电信", "network": "1.2.3.0",
        "is_private": "false",
    }  # fmt: skip
    assert finds("ip", "8.8.8.8, 10.0.0.1", settings)["country"] == "美国"
    assert finds("ip", "192.168.1.5", settings) == {"network": "192.168.1.0", "is_private": "true"}
    assert finds("ip", "::ffff:1.2.3.4", settings)["city"] == "南京市"
    assert reason("ip", "9.9.9.9", settings) == "ip address of no known region"
    assert reason("ip", "2400:3200::1", settings) == "ip address of no known region"
    assert reason("ip", "999.1.1.1", settings) == "not an ip address"


def test_an_ip_database_that_is_none(tmp_path):
    for name in ("gone.xdb", "bad.xdb", "bad.mmdb"):
        path = tmp_path / name
        if "bad" in name:
            path.write_bytes(b"nothing of the kind" * 50)
        with pytest.raises(Broken, match=name):
            Enriching.of("ip", EnrichSettings(ip_database=str(path)))


def test_every_kind_says_what_it_finds():
    for name, kind in enrichers:
        assert kind.finds, name
        assert set(kind.finds.values()) <= {"text", "number", "bool", "date"}
        assert kind.__doc__
        assert kind.read.__doc__


@pytest.mark.parametrize(
    ("code", "city"),
    [
        ("452129", "崇左市"), ("452122", "南宁市"), ("452226", "来宾市"), ("452223", "柳州市"), ("452427", "贺州市"),
        ("452421", "梧州市"), ("452502", "贵港市"), ("522502", "贵阳市"), ("522501", "安顺市"), ("532231", "昆明市"),
        ("632124", "西宁市"), ("642123", "中卫市"), ("642125", "银川市"), ("654101", "伊犁哈萨克自治州"),
    ],
)  # fmt: skip
def test_prefectures_that_were_shared_out(code, city):
    assert divisions().of_code(code).city == city
