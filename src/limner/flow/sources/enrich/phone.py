"""Mobile numbers of the mainland: are they right, and where and from whom their prefix was once given out.

Place and carrier are those of the prefix. People move and take their numbers to other carriers: both are what was
likely when the number was new, no more. The number itself is never a find.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

from limner.core.errors import Broken, words
from limner.core.normal import identifier, masked
from limner.core.settings import EnrichSettings
from limner.flow.sources.enrich.address import place_of
from limner.flow.sources.enrich.base import NOTHING, Answer, Type, enrich_kind, missing
from limner.flow.sources.enrich.divisions import Place

NO_PREFIXES = words(
    "enrich_prefixes_bad",
    "The phone prefixes {path} cannot be used: {why}. Give a CSV or Parquet file with the columns prefix, province, "
    "city and carrier under [enrich] phone_prefixes.",
)
UNKNOWN_PREFIX = "phone with an unknown prefix"

_CARRIERS: Final = {"中国移动": "中国移动", "中国联通": "中国联通", "中国电信": "中国电信", "中国广电": "中国广电"}
_SHORT_CARRIERS: Final = {"移动": "中国移动", "联通": "中国联通", "电信": "中国电信", "广电": "中国广电"}
_PREFIX: Final = 7


@enrich_kind("phone")
class Phones:
    """Province, city and carrier by the first seven digits, from the operator's table or from `phonenumbers`.

    A masked number (138****1234) says nothing; one from abroad has its country only.
    """

    finds: ClassVar[Mapping[str, Type]] = {
        "is_valid": "bool",
        "country": "text",
        "province": "text",
        "city": "text",
        "carrier": "text",
    }

    def __init__(self, settings: EnrichSettings) -> None:
        self._stated = _table(settings.phone_prefixes) if settings.phone_prefixes else None
        if self._stated is None:
            _library()
        self._of_prefix = lru_cache(maxsize=600_000)(self._asked)

    def read(self, plain: str) -> Answer:
        """Whether it is a mobile number, and what its prefix says."""
        normal = identifier("phone", plain)
        if normal.kind != "phone":
            return NOTHING
        if normal.value is None:
            return Answer({"is_valid": "false"}, normal.reason) if normal.reason else NOTHING
        if not normal.value.startswith("+86"):
            country = _country(normal.value)
            return Answer({"is_valid": "true" if country else "false", **({"country": country} if country else {})})
        found = self._of_prefix(normal.value[3 : 3 + _PREFIX])
        is_known = "province" in found or "carrier" in found
        return Answer({"is_valid": "true", "country": "CN", **found}, None if is_known else UNKNOWN_PREFIX)

    def shown(self, plain: str) -> str:
        """The number with its middle masked."""
        return masked(plain)

    def _asked(self, prefix: str) -> dict[str, str]:
        """What a prefix of seven digits says."""
        if self._stated is not None:
            return self._stated.get(prefix) or self._stated.get(prefix[:3]) or {}
        library = _library()
        number = library.PhoneNumber(country_code=86, national_number=int(f"{prefix}0000"))
        where = str(library.geocoder.description_for_valid_number(number, "zh"))
        carrier = str(library.carrier.name_for_valid_number(number, "zh"))
        found = dict(_placed(where)) if where and where != "中国" else {}
        return found | ({"carrier": _CARRIERS.get(carrier, carrier)} if carrier else {})


@lru_cache(maxsize=4096)
def _placed(where: str) -> Mapping[str, str]:
    """Province and city of a description such as 江苏省连云港市, under their names of today."""
    place, _ = place_of(where)
    return {name: value for name, value in (("province", place.province), ("city", place.city)) if value}


def _library() -> Any:
    """`phonenumbers` with its tables of places and carriers; the lite one has none."""
    try:
        import phonenumbers
        import phonenumbers.carrier
        import phonenumbers.geocoder
    except ImportError:
        raise missing("phone", "cn") from None
    return phonenumbers


def _country(number: str) -> str:
    """The country of a number from abroad as two letters; empty when there is no such number."""
    try:
        import phonenumbers
    except ImportError:
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.region_code_for_number(parsed) or "") if phonenumbers.is_valid_number(parsed) else ""


def _table(path: str) -> dict[str, dict[str, str]]:
    """The operator's prefixes: three or seven digits → province, city, carrier."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pa_parquet

    try:
        read = pa_parquet.read_table if Path(path).suffix == ".parquet" else pa_csv.read_csv
        columns = ("prefix", "province", "city", "carrier")
        rows = read(path).select(columns)
        lists = [rows[name].cast(pa.string()).to_pylist() for name in columns]
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise Broken(NO_PREFIXES, path=path, why=str(error).splitlines()[0]) from None
    found: dict[str, dict[str, str]] = {}
    for prefix, province, city, carrier in zip(*lists, strict=True):
        place = _known(province or "", city or "")
        said = {"province": place.province, "city": place.city, "carrier": _SHORT_CARRIERS.get(carrier, carrier) or ""}
        found[prefix] = {name: value for name, value in said.items() if value}
    return found


@lru_cache(maxsize=4096)
def _known(province: str, city: str) -> Place:
    """Province and city under their full names; as they are written when the list of divisions lacks them."""
    place, _ = place_of(province + city)
    return place if place.province else Place(province, city)
