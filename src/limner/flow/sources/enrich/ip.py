"""IP addresses to regions, by a database the operator supplies; the address itself is personal and is no find.

A truncated address (203.0.113.0, 2001:db8:1::) is one, for those who must count networks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from limner.core.errors import Broken, words
from limner.core.settings import EnrichSettings
from limner.flow.sources.enrich.address import place_of
from limner.flow.sources.enrich.base import Answer, Type, enrich_kind, missing

NO_DATABASE = words(
    "enrich_ip_database_missing",
    "The enrichment 'ip' needs a database. Say where it lies in limner.toml: [enrich] ip_database, an .xdb file of "
    "ip2region or an .mmdb file of MaxMind.",
)
BAD_DATABASE = words("enrich_ip_database_bad", "The IP database {path} cannot be used: {why}.")
NOT_AN_IP = "not an ip address"
UNKNOWN_IP = "ip address of no known region"

Search = Callable[[str], dict[str, str]]


@enrich_kind("ip")
class Addresses:
    """Country, province, city and carrier of an address. One of a private network says so and nothing else."""

    finds: ClassVar[Mapping[str, Type]] = {
        "country": "text",
        "province": "text",
        "city": "text",
        "carrier": "text",
        "network": "text",
        "is_private": "bool",
    }

    def __init__(self, settings: EnrichSettings) -> None:
        if not settings.ip_database:
            raise Broken(NO_DATABASE)
        self._search = lru_cache(maxsize=200_000)(_opened(settings.ip_database))

    def read(self, plain: str) -> Answer:
        """What the database says of an address; of several (a forwarded one, with its proxies) the first counts."""
        try:
            address = ipaddress.ip_address(plain.split(",")[0].strip().strip("[]").split("%")[0])
        except ValueError:
            return Answer({}, NOT_AN_IP)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        found = {"network": truncated(address), "is_private": "true" if _is_private(address) else "false"}
        if _is_private(address):
            return Answer(found)
        said = self._search(str(address))
        return Answer({**found, **said}, None if said else UNKNOWN_IP)

    def shown(self, plain: str) -> str:
        """Its beginning."""
        return f"{plain[:3]}…"


def _is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_private or address.is_loopback or address.is_link_local or address.is_multicast


def truncated(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The network an address lies in: its first 24 bits of 32, or 48 of 128.

    >>> truncated(ipaddress.ip_address("203.0.113.77")), truncated(ipaddress.ip_address("2001:db8:1:2::3"))
    ('203.0.113.0', '2001:db8:1::')
    """
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, bits), strict=False).network_address)


def _opened(path: str) -> Search:
    if not Path(path).is_file():
        raise Broken(BAD_DATABASE, path=path, why="there is no such file")
    return _mmdb(path) if path.endswith(".mmdb") else _xdb(path)


def _xdb(path: str) -> Search:
    """A database of ip2region, kept in memory: country|province|city|carrier, with 0 for what it does not know."""
    try:
        import ip2region.searcher as xdb
        import ip2region.util as util
    except ImportError:
        raise missing("ip", "enrich") from None
    try:
        util.verify_from_file(path)
        header = util.load_header_from_file(path)
        version = util.version_from_header(header)
        if version is None:
            raise Broken(BAD_DATABASE, path=path, why="it is of an unknown version")
        searcher = xdb.new_with_buffer(version, util.load_content_from_file(path))
    except (OSError, ValueError, IndexError) as error:
        raise Broken(BAD_DATABASE, path=path, why=str(error)) from None

    def search(address: str) -> dict[str, str]:
        try:
            said = str(searcher.search(address) or "")
        except ValueError:  # an address of the other version
            return {}
        return _of_parts([part if part != "0" else "" for part in said.split("|")])

    return search


def _of_parts(parts: list[str]) -> dict[str, str]:
    """What an entry says: four parts, or five in databases of old (country|area|province|city|carrier)."""
    if len(parts) < 4 or not parts[0]:
        return {}
    country, province, city, carrier = (parts[0], parts[2], parts[3], parts[4]) if _is_old(parts) else parts[:4]
    place, _ = place_of(province + city) if country == "中国" else (None, None)
    if place is not None and place.province:
        province, city = place.province, place.city or city
    said = {"country": country, "province": province, "city": city, "carrier": carrier}
    return {name: value for name, value in said.items() if value}


def _is_old(parts: list[str]) -> bool:
    return len(parts) == 5 and not (len(parts[4]) == 2 and parts[4].isascii() and parts[4].isupper())


def _mmdb(path: str) -> Search:
    """A database of MaxMind's form; names in Chinese where it has them."""
    try:
        import maxminddb
    except ImportError:
        raise missing("ip", "enrich") from None
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise Broken(BAD_DATABASE, path=path, why=str(error)) from None

    def search(address: str) -> dict[str, str]:
        entry: Any = reader.get(address)
        if not isinstance(entry, dict):
            return {}
        divisions = entry.get("subdivisions") or [{}]
        said = {
            "country": _named(entry.get("country")),
            "province": _named(divisions[0]),
            "city": _named(entry.get("city")),
        }
        return {name: value for name, value in said.items() if value}

    return search


def _named(part: Any) -> str:
    names = part.get("names", {}) if isinstance(part, dict) else {}
    return str(names.get("zh-CN") or names.get("en") or "")
