"""Addresses to province, city and district with their code, the way people write them.

What follows from the address alone is told, and nothing else: a district that several cities have (鼓楼区, 朝阳区)
needs a province or city before it. Short forms count where what stands before them leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

from limner.flow.sources.enrich.base import Answer, Plain, Type, enrich_kind
from limner.flow.sources.enrich.divisions import Division, Place, divisions

NO_PLACE = "address without a known place"
AMBIGUOUS = "address with a district of several cities"

_NOISE = re.compile(r"[\s,，.。;；:：|/\\、\-—_()（）\[\]【】<>《》\"'“”·*]+")
_LEAD = re.compile(
    r"^(?:收货地址|收件地址|详细地址|联系地址|家庭住址|地址|住址|中华人民共和国|中国大陆|中国|\d{6}(?=\D))+"
)
_BETWEEN = re.compile(
    r"^(?:市辖区|省直辖县级行政区划|自治区直辖县级行政区划|省直辖行政单位|省直辖县|直辖县级行政区划|直辖县级|直辖)+"
)
_KINDS = "市县区旗州盟"


class _Match(NamedTuple):
    division: Division
    length: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of divisions by their first two characters, the longest first: a lookup looks at few of them."""

    by_start: Mapping[str, Sequence[tuple[str, bool, Division]]]

    @classmethod
    def of(cls, found: Iterable[Division]) -> _Names:
        """An index of the names that divisions go by."""
        by_start: dict[str, list[tuple[str, bool, Division]]] = {}
        for division in found:
            for place, name in enumerate(division.names):
                by_start.setdefault(name[:2], []).append((name, place == 0, division))
        return cls({start: sorted(names, key=lambda n: -len(n[0])) for start, names in by_start.items()})

    def at(self, plain: str) -> list[_Match]:
        """The divisions a text begins with, the longest name first; after a short one its kind may stand (杭州+市)."""
        found = []
        for name, is_full, division in self.by_start.get(plain[:2], ()):
            if plain.startswith(name):
                follows = plain[len(name) : len(name) + 1]
                longer = 0 if is_full or follows not in _KINDS or not follows else 1
                found.append(_Match(division, len(name) + longer, is_full or longer > 0))
        return found


@cache
def _provinces() -> _Names:
    return _Names.of(divisions().provinces.values())


@cache
def _cities(code: str) -> _Names:
    """The cities of a province (all for the empty code), those without a name of their own left out."""
    return _Names.of(c for key, c in divisions().cities.items() if key.startswith(code) and c.name != "-")


@cache
def _counties(code: str) -> _Names:
    return _Names.of(c for key, c in divisions().counties.items() if key.startswith(code))


@enrich_kind("address")
class Addresses(Plain):
    """Province, city, district and the code of the smallest of them. 省, 市 and 区 may be left out or said twice."""

    finds: ClassVar[Mapping[str, Type]] = {"province": "text", "city": "text", "district": "text", "code": "text"}

    def read(self, plain: str) -> Answer:
        """What an address says.

        >>> dict(Addresses.read(Addresses, "上海徐汇 漕溪北路18号").found)
        {'province': '上海市', 'city': '上海市', 'district': '徐汇区', 'code': '310104'}
        >>> Addresses.read(Addresses, "鼓楼区中山路1号").reason
        'address with a district of several cities'
        """
        place, reason = place_of(plain)
        return Answer({name: value for name, value in place._asdict().items() if value}, reason)

    def shown(self, plain: str) -> str:
        """Its first three characters."""
        return f"{plain[:3]}…"


def place_of(address: str) -> tuple[Place, str | None]:
    """The place of an address in normal form, and why it is not known better."""
    plain = _LEAD.sub("", _NOISE.sub("", address))
    province, rest = _province(plain)
    city, rest = _city(rest, province)
    scope = city.code if city else province.code if province else ""
    county, is_ambiguous = _county(rest, scope, needs_full=not scope)
    if county is not None:
        return divisions().of_code(county.code), None
    if city is not None and city.name != "-":
        known = divisions().of_code(f"{city.code}00")
        return known, AMBIGUOUS if is_ambiguous else None
    if province is not None:
        return divisions().of_code(f"{province.code}0000"), AMBIGUOUS if is_ambiguous else None
    return Place(), AMBIGUOUS if is_ambiguous else NO_PLACE


def _province(plain: str) -> tuple[Division | None, str]:
    """The province an address begins with. 吉林市 is a city and 海南州 a prefecture, not the provinces of that name."""
    for division, length, _ in _provinces().at(plain):
        stated, rest = plain[:length], plain[length:]
        if stated not in division.names and stated[:-1] in division.names:
            continue
        if stated != division.name and _is_street(rest):
            continue
        return division, _BETWEEN.sub("", rest.removeprefix("县") if division.code == "50" else rest)
    return None, plain


def _is_street(rest: str) -> bool:
    """Whether what follows a short name makes it the name of a street: 南京路, 北京东路."""
    return bool(re.match(r"(?:[东西南北中]|[一二三四五]|东?[一二三]?)?(?:路|街|大道|大街|巷|弄)", rest))


def _city(rest: str, province: Division | None) -> tuple[Division | None, str]:
    """The city that follows. Without a province a short name is believed unless a county or a street may be meant."""
    scope = province.code if province else ""
    for division, length, is_full in _cities(scope).at(rest):
        after = rest[length:]
        if rest[:length] != division.name and rest[length - 1] in "县区旗" and length > 2:
            continue  # 朝阳区 is no city of 朝阳
        if any(
            m.length == length and rest[:length] == m.division.name != division.name for m in _counties(scope).at(rest)
        ):
            continue  # 大理市 is a county of the prefecture 大理
        if not is_full and (_is_street(after) or (province is None and _is_also_county(rest, division, after))):
            continue
        after = _BETWEEN.sub("", after)
        for name in division.names:  # 北京市北京市
            if after.startswith(name) and division.name == name:
                after = after[len(name) :]
        return division, after
    if province is not None and province.name.endswith("市"):
        return divisions().cities[f"{province.code}01"], rest
    return None, rest


def _is_also_county(rest: str, city: Division, after: str) -> bool:
    """Whether a short name might be a county elsewhere, and what follows does not settle it."""
    others = [m for m in _counties("").at(rest) if m.division.code[:4] != city.code]
    return bool(others) and not _counties(city.code).at(_BETWEEN.sub("", after))


def _county(rest: str, scope: str, *, needs_full: bool) -> tuple[Division | None, bool]:
    """The county that follows, among those of `scope`; and whether several may be meant."""
    if len(scope) == 4 and scope[2:] in ("01", "02") and scope[:2] in ("11", "12", "31", "50"):
        scope = scope[:2]  # a municipality is one city, whatever its code
    found = _counties(scope).at(rest)
    if needs_full:
        found = [m for m in found if m.is_full and rest[: m.length] == m.division.name]
    else:
        found = [m for m in found if m.is_full or not _is_street(rest[m.length :])]
    if not found:
        return None, False
    longest = [m for m in found if m.length == found[0].length]
    exact = [m for m in longest if rest[: m.length] == m.division.name] or longest
    codes = {m.division.code for m in exact}
    return (exact[0].division, False) if len(codes) == 1 else (None, True)
