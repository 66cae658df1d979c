"""The administrative divisions of China: codes to names, and names to the places that may be meant.

The table `divisions.txt` holds the facts: codes and names of the GB/T 2260 list, prefectures of today under their
present names, and the codes that old identity cards still carry. It is read once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTY = re.compile(r"(\d\d)(\D+)")
_FORMER = re.compile(r"(\d{4,6})>(\d{4})|(\d{6})(\D+)")
_PEOPLES = (
    "壮族|回族|维吾尔|朝鲜族|土家族|苗族|藏族|羌族|彝族|布依族|侗族|哈尼族|傣族|白族|景颇族|傈僳族|蒙古族|蒙古|柯尔克孜|哈萨克|满族|达斡尔族|"
    "鄂温克族|瑶族|黎族|畲族|土族|撒拉族|东乡族|保安族|裕固族|拉祜族|佤族|布朗族|纳西族|普米族|独龙族|怒族|仡佬族|水族|毛南族|仫佬族|锡伯族|各族|塔吉克"
)
_SUFFIX = re.compile(rf"(?:(?:{_PEOPLES})+)?(?:特别行政区|自治区|自治州|自治县|自治旗|地区|林区|省|市|盟|州|区|县|旗)$")
_SHORTS: Final = {"内蒙古自治区": "内蒙", "呼和浩特市": "呼市", "哈尔滨市": "哈市", "乌鲁木齐市": "乌市"}
"""Short forms in use beside those that follow from the name."""


class Place(NamedTuple):
    """A place as an address or a card names it; what is not known is empty. `code` has six digits."""

    province: str = ""
    city: str = ""
    district: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Division:
    """One division: its code without the zeros at its end, its name, and the names it goes by (full one first)."""

    code: str
    name: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Divisions:
    """All of them, by code. `former` leads from a code no longer given to the prefecture of today."""

    provinces: Mapping[str, Division]
    cities: Mapping[str, Division]
    counties: Mapping[str, Division]
    former: Mapping[str, str]

    def of_code(self, code: str) -> Place:
        """The place of a six-digit code: as much of it as the list knows.

        >>> divisions().of_code("310104")
        Place(province='上海市', city='上海市', district='徐汇区', code='310104')
        >>> divisions().of_code("372301").city, divisions().of_code("310103").district
        ('滨州市', '卢湾区')
        """
        county = self.counties.get(code)
        prefecture = self.former.get(code) or self.former.get(code[:4]) or code[:4]
        city = self.cities.get(prefecture)
        province = self.provinces.get(city.code[:2] if city else code[:2])
        if province is None:
            return Place()
        if county is not None and city is not None and city.name == "-":
            return Place(province.name, county.name, "", code)
        known = code if county else f"{city.code}00" if city else f"{province.code}0000"
        name = city.name if city and city.name != "-" else ""
        return Place(province.name, name, county.name if county else "", known)


def shorts(name: str) -> tuple[str, ...]:
    """The names a division goes by, the full one first.

    >>> shorts("广西壮族自治区"), shorts("徐汇区"), shorts("内蒙古自治区"), shorts("赣县区")
    (('广西壮族自治区', '广西'), ('徐汇区', '徐汇'), ('内蒙古自治区', '内蒙古', '内蒙'), ('赣县区', '赣县'))
    """
    stem = "内蒙古" if name.startswith("内蒙古") else _SUFFIX.sub("", name, count=1)
    found = [name, *([stem] if len(stem) > 1 and stem != name else []), *([_SHORTS[name]] if name in _SHORTS else [])]
    return tuple(dict.fromkeys(found))


@cache
def divisions() -> Divisions:
    """The table, read once."""
    provinces: dict[str, Division] = {}
    cities: dict[str, Division] = {}
    counties: dict[str, Division] = {}
    former: dict[str, str] = {}
    table = files("limner.flow.sources.enrich").joinpath("divisions.txt").read_text("utf-8")
    for line in table.splitlines():
        code, _, rest = line.partition(" ")
        if code == "former":
            for old, today, county, name in _FORMER.findall(rest):
                if old:
                    former[old] = today
                else:
                    counties[county] = Division(county, name.strip(), (name.strip(),))
                    former[county] = county[:2] + "01"
        elif len(code) == 2 and code.isdigit():
            provinces[code] = _division(code, rest)
        elif len(code) == 4 and code.isdigit():
            name, _, below = rest.partition(" ")
            cities[code] = _division(code, name)
            for tail, county in _COUNTY.findall(below.replace(" ", "")):
                counties[code + tail] = _division(code + tail, county)
    freeze = MappingProxyType
    return Divisions(freeze(provinces), freeze(cities), freeze(counties), freeze(former))


def _division(code: str, name: str) -> Division:
    return Division(code, name, shorts(name))
