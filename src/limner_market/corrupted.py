"""Records of Chinese persons with planted truth: the same persons again, written down as people write things down.

Each person has one to four records. The first is right; in the others names are mistyped (by sound, by look, with parts
swapped, a character lost), phones masked or a digit wrong, ID cards masked or wrong in a digit, dates slipped, people
have moved, and fields are missing. Some live together. Who is whom stands in `truth`, and in no other column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from limner_market.chance import generator

_EPOCH: Final = date(1945, 1, 1)
_DAYS: Final = 60 * 365
_CHECKS: Final = "10X98765432"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MISSING: Final = {"name": 0.02, "gender": 0.2, "birth_date": 0.25, "city": 0.15, "address": 0.3, "phone": 0.1,
                   "id_card": 0.45, "email": 0.6}  # fmt: skip

_FAMILY: Final = 0.15
"""How often the next person lives with the one before: the same address and surname, at times the same phone."""

Record = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Corrupted:
    """Records in random order, one list of texts per field, and the person each is of, shape (n,)."""

    columns: Mapping[str, list[str | None]]
    truth: NDArray[np.int64]


def corrupted(seed: int, records: int, *, harm: float = 1.0) -> Corrupted:
    """About `records` records, exactly as many; `harm` scales how often each thing goes wrong (0: never).

    >>> one, other = corrupted(1, 50), corrupted(1, 50)
    >>> one.columns == other.columns, len(one.truth)
    (True, 50)
    """
    rng = generator(seed, "corrupted")
    rows: list[Record] = []
    truth: list[int] = []
    whole: Record = {}
    person = 0
    while len(rows) < records:
        whole = _relative(rng, whole) if person and rng.random() < _FAMILY else _person(rng)
        for copy in range(int(rng.choice((1, 2, 3, 4), p=(0.55, 0.3, 0.1, 0.05)))):
            rows.append(dict(whole) if copy == 0 else _harmed(rng, whole, harm))
            truth.append(person)
        person += 1
    order = rng.permutation(records)
    kept = [_forgotten(rng, rows[at], harm) for at in order]
    columns = {field: [row[field] for row in kept] for field in _MISSING}
    return Corrupted(columns, np.array(truth, np.int64)[order])


@cache
def _parts() -> dict[str, Any]:
    raw = tomllib.loads(files(__package__).joinpath("persons.toml").read_text("utf-8"))
    for table in ("homophones", "lookalikes"):
        others: dict[str, str] = {}
        for group in raw[table]:
            for char in group:
                others[char] = others.get(char, "") + group.replace(char, "")
        raw[table] = {char: found for char, found in others.items() if found}
    share = 1.0 / (np.arange(len(raw["surnames"])) + 5.0)
    raw["surname_share"] = share / share.sum()
    return raw


def _one(rng: np.random.Generator, among: Any) -> Any:
    return among[int(rng.integers(len(among)))]


def _pick(rng: np.random.Generator, among: Any) -> str:
    return str(_one(rng, among))


def _person(rng: np.random.Generator) -> Record:
    parts = _parts()
    surname = parts["surnames"][int(rng.choice(len(parts["surnames"]), p=parts["surname_share"]))]
    given = (_pick(rng, parts["first"]) if rng.random() < 0.75 else "") + _pick(rng, parts["second"])
    born = _EPOCH + timedelta(days=int(rng.integers(_DAYS)))
    city, code = _one(rng, parts["cities"])
    is_man = rng.random() < 0.5
    first = f"{code + int(rng.integers(1, 9)):06}{born:%Y%m%d}{rng.integers(50):02}{2 * int(rng.integers(5)) + is_man}"
    return {
        "name": surname + given,
        "gender": "男" if is_man else "女",
        "birth_date": born.isoformat(),
        "city": city,
        "address": _address(rng),
        "phone": _pick(rng, parts["mobile"]) + f"{rng.integers(100_000_000):08}",
        "id_card": first + _check(first),
        "email": f"{_pick(rng, 'abcdefghjkmnpqrstwxyz')}{rng.integers(10**6, 10**9)}@{_pick(rng, _parts()['mails'])}",
    }


def _relative(rng: np.random.Generator, other: Record) -> Record:
    """Somebody else of the household, whom a matcher must tell from the first."""
    row = _person(rng)
    shared = ("city", "address", "phone") if rng.random() < 0.2 else ("city", "address")
    size = 2 if str(other["name"])[:2] in _parts()["surnames"] else 1
    given = str(row["name"])[2 if str(row["name"])[:2] in _parts()["surnames"] else 1 :]
    return row | {field: other[field] for field in shared} | {"name": str(other["name"])[:size] + given}


def _address(rng: np.random.Generator) -> str:
    return f"{_pick(rng, _parts()['roads'])}{rng.integers(1, 900)}号{rng.integers(1, 40)}栋{rng.integers(101, 3300)}室"


def _check(first: str) -> str:
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def _harmed(rng: np.random.Generator, whole: Record, harm: float) -> Record:
    """The person written down again, each field gone wrong by its own luck."""
    row = dict(whole)
    ways = {
        "name": (0.22, _name), "birth_date": (0.08, _date), "phone": (0.45, _phone), "id_card": (0.4, _card),
        "email": (0.08, _mail), "city": (0.08, _city), "address": (0.35, _moved), "gender": (0.02, _gender),
    }  # fmt: skip
    for field, (chance, way) in ways.items():
        if rng.random() < chance * harm:
            row[field] = way(rng, str(row[field]))
    return row


def _forgotten(rng: np.random.Generator, row: Record, harm: float) -> Record:
    return {field: None if rng.random() < _MISSING[field] * harm else row[field] for field in _MISSING}


def _name(rng: np.random.Generator, name: str) -> str:
    size = 2 if len(name) > 2 and name[:2] in _parts()["surnames"] else 1
    way = rng.choice(
        ("sound", "look", "swap", "lost", "typo", "title", "space"), p=(0.4, 0.2, 0.1, 0.08, 0.08, 0.08, 0.06)
    )
    if way in ("sound", "look"):
        others = _parts()["homophones" if way == "sound" else "lookalikes"]
        places = [at for at, char in enumerate(name) if char in others]
        if places:
            at = int(_one(rng, places))
            return name[:at] + _pick(rng, others[name[at]]) + name[at + 1 :]
        way = "typo"
    if way == "swap":
        return name[size:] + name[:size]
    if way == "lost" and len(name) > 2:
        return name[:-1]
    if way == "title":
        return name + _pick(rng, ("先生", "女士"))
    if way == "space":
        return f"{name[:size]} {name[size:]}"
    return name[:-1] + _pick(rng, _parts()["second"])


def _digit(rng: np.random.Generator, number: str, low: int, high: int) -> str:
    """One digit wrong, or two side by side swapped."""
    at = int(rng.integers(low, high))
    if rng.random() < 0.3 and at + 1 < high and number[at] != number[at + 1]:
        return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    wrong = _pick(rng, [digit for digit in "0123456789" if digit != number[at]])
    return number[:at] + wrong + number[at + 1 :]


def _date(rng: np.random.Generator, iso: str) -> str:
    year, month, day = (int(part) for part in iso.split("-"))
    way = rng.random()
    if way < 0.3 and day <= 12:
        return f"{year:04}-{day:02}-{month:02}"
    if way < 0.6:
        return f"{year:04}-{month:02}-{1 + (day + int(rng.integers(9))) % 28:02}"
    if way < 0.8:
        return f"{year:04}-{1 + (month + int(rng.integers(10))) % 12:02}-{min(day, 28):02}"
    return f"{year + int(rng.choice((-10, -1, 1, 10))):04}-{month:02}-{min(day, 28):02}"


def _phone(rng: np.random.Generator, number: str) -> str:
    way = rng.random()
    if way < 0.6:
        return f"{number[:3]}****{number[7:]}"
    if way < 0.75:
        return _digit(rng, number, 3, 11)
    if way < 0.9:
        return _pick(rng, _parts()["mobile"]) + f"{rng.integers(100_000_000):08}"
    return f"+86 {number[:3]}-{number[3:7]}-{number[7:]}"


def _card(rng: np.random.Generator, number: str) -> str:
    way = rng.random()
    if way < 0.5:
        return number[:6] + "*" * 8 + number[14:]
    return number[-4:] if way < 0.75 else _digit(rng, number, 6, 17)


def _mail(rng: np.random.Generator, mail: str) -> str:
    name, _, domain = mail.partition("@")
    return f"{_digit(rng, name, 1, len(name))}@{domain}" if rng.random() < 0.5 else f"{name}@foxmail.com"


def _city(rng: np.random.Generator, city: str) -> str:
    return city + "市" if rng.random() < 0.5 else str(_one(rng, _parts()["cities"])[0])


def _moved(rng: np.random.Generator, address: str) -> str:
    way = rng.random()
    if way < 0.4:
        return _address(rng)
    if way < 0.7:
        return address.replace("栋", "号楼").replace("室", "")
    return address.partition("栋")[0] + "栋"


def _gender(rng: np.random.Generator, said: str) -> str:
    return "女" if said == "男" else "男"
