"""What is read out of records: the comparisons that can be made, and the keys records can meet by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from limner.core.normal import text
from limner.flow.identity.matching import compare, digits, names, places
from limner.flow.identity.matching.base import Ints
from limner.flow.identity.matching.coded import Coded, coded, nothing
from limner.flow.identity.matching.compare import Comparison
from limner.maths.blocks import together

SHARED: Final = frozenset({"surname", "city", "address", "phone"})
"""Roles in which two who live together agree."""

_NAME: Final = ("differs", "far", "near", "looks alike", "sounds alike", "swapped", "same")
_DATE: Final = ("differs", "same year", "two parts the same", "one slip", "same")
_NUMBER: Final = ("differs", "one slip", "same tail", "same as far as shown", "same")
_CODE: Final = ("differs", "two slips", "one slip", "same")
_TEXT: Final = ("differs", "far", "near", "same")
_MAIL: Final = ("differs", "name alike", "near", "same name elsewhere", "same")
_PLACE: Final = ("differs", "somewhat alike", "alike", "same house number", "same")
_EQUAL: Final = ("differs", "same")
_CITY: Final = ("differs", "near", "same")
_DATE_PARTS: Final = re.compile("([0-9]{4})[^0-9]{0,2}([0-9]{1,2})[^0-9]{0,2}([0-9]{1,2})")
_SEXES: Final = {
    "m": "m",
    "male": "m",
    "男": "m",
    "男性": "m",
    "1": "m",
    "f": "f",
    "female": "f",
    "女": "f",
    "女性": "f",
}
_SEXES_2: Final = {"2": "f", "0": "f", "先生": "m", "女士": "f", "小姐": "f"}


@dataclass(frozen=True, slots=True)
class Features:
    """The comparisons of some records, the codes they can meet by, the identity card each certainly owns (−1: none),
    and the texts, by key, that other matchers compare in their own way."""

    comparisons: tuple[Comparison, ...]
    keys: Mapping[str, Ints]
    owner: Ints
    roles_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: Mapping[str, Coded] = field(default_factory=dict)


def features(columns: Mapping[str, pa.Array], rows: int) -> Features:
    """What records of these roles can be compared and met by. A role nobody states gives nothing."""
    made = _Gathered(rows)
    card = coded(columns["id_card"]).through(digits.card) if "id_card" in columns else nothing(rows)
    _names(made, columns)
    _birth(made, columns, card)
    _plain(made, columns, card)
    _numbers(made, columns, card)
    for role, column in columns.items():
        if role.startswith("code:"):
            value = coded(column).through(lambda raw: re.sub(r"\s+", "", text(raw).casefold()))
            made.compared(role, _CODE, value, lambda a, b, v=value: compare.alike(v, a, b, compare.slipped, 3))
        elif role.startswith("text:"):
            value = coded(column).through(lambda raw: " ".join(text(raw).casefold().split()))
            made.compared(role, _TEXT, value, lambda a, b, v=value: compare.alike(v, a, b, compare.written, 3))
    return Features(tuple(made.comparisons), made.keys, _owners(card), made.roles_of, made.texts)


class _Gathered:
    """Comparisons and keys as they are found."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.comparisons: list[Comparison] = []
        self.keys: dict[str, Ints] = {}
        self.roles_of: dict[str, frozenset[str]] = {}
        self.texts: dict[str, Coded] = {}

    def key(self, name: str, value: Coded | Ints, *roles: str) -> None:
        """A key to meet by, unless nobody has it."""
        codes = value.code if isinstance(value, Coded) else value
        if isinstance(value, Coded) and value.values:
            self.texts[name] = value
        if (codes >= 0).any():
            self.keys[name] = codes
            self.roles_of[name] = frozenset(roles)

    def compared(self, role: str, words: tuple[str, ...], value: Coded, of: object, *, is_rarer: bool = True) -> None:
        """A comparison of a role, and its value as a key, unless nobody states it."""
        if not value.values:
            return
        rarity = (value.code, value.counts) if is_rarer else (None, None)
        self.comparisons.append(Comparison(role, words, frozenset([role]), of, *rarity))  # type: ignore[arg-type]
        self.key(role, value, role)


def _names(made: _Gathered, columns: Mapping[str, pa.Array]) -> None:
    whole = coded(columns["name"]) if "name" in columns else nothing(made.rows)
    surname = _or(columns, "surname", whole.through(lambda raw: names.word(names.parted(raw).surname)))
    given = _or(columns, "given_name", whole.through(lambda raw: names.word(names.parted(raw).given)))
    swapped = _turned(surname, given)
    parts = (("given_name", given, names.sound), ("surname", surname, names.surname_sound))
    for role, part, sound in parts:
        sounds, looks = part.through(sound), part.through(names.look)
        levels = compare.named(part, sounds, looks, swapped, is_given=role == "given_name")
        if part.values:
            made.comparisons.append(Comparison(role, _NAME, frozenset([role]), levels, part.code, part.counts))
            made.key(role, part, role)
            made.key(f"{role}_sound", sounds, role)
    if "surname_sound" in made.keys and "given_name_sound" in made.keys:
        both = ("surname", "given_name")
        made.key("name", together([made.keys[role] for role in both]), *both)
        made.key("sound", together([made.keys[f"{role}_sound"] for role in both]), *both)
        made.key("name_turned", swapped, *both)


def _or(columns: Mapping[str, pa.Array], role: str, otherwise: Coded) -> Coded:
    """The column of a role where it is stated, else what the whole name says."""
    if role not in columns:
        return otherwise
    own = coded(columns[role]).through(names.word)
    if not otherwise.values:
        return own
    texts = [own.values[a] if a >= 0 else otherwise.values[b] if b >= 0 else None
             for a, b in zip(own.code.tolist(), otherwise.code.tolist(), strict=True)]  # fmt: skip
    return coded(texts)


def _turned(surname: Coded, given: Coded) -> Ints:
    """A code that is the same for names with the same parts, whichever stands first."""
    both = together([surname.code, given.code])
    first = np.unique(both, return_index=True)
    said = {int(code): int(row) for code, row in zip(*first, strict=True) if code >= 0}
    texts = {}
    for code, row in said.items():
        one, other = surname.values[surname.code[row]], given.values[given.code[row]]
        is_latin = one.isascii() and other.isascii()
        texts[code] = "|".join(sorted((one, other))) if is_latin else "".join(sorted(one + other))
    return coded([texts.get(code) for code in both.tolist()]).code


def _birth(made: _Gathered, columns: Mapping[str, pa.Array], card: Coded) -> None:
    stated = coded(columns["birth_date"]).through(day_of) if "birth_date" in columns else nothing(made.rows)
    value = _filled(stated, card.through(digits.born))
    if not value.values:
        return
    table = np.full((len(value.values) + 1, 8), -1, np.int8)
    for at, day in enumerate(value.values):
        table[at] = [int(char) for char in day.replace("-", "")]
    made.compared("birth_date", _DATE, value, compare.dated(table, value.code))
    made.key("birth_year", value.through(lambda day: day[:4]), "birth_date")
    made.key("birth_day", value.numbers(lambda day: int(day[5:7]) * 31 + int(day[8:])), "birth_date")


def day_of(raw: str) -> str:
    """A birth date as ISO; empty when it is none.

    >>> day_of("1990年3月7日"), day_of("19900307"), day_of("1990/13/07"), day_of("unknown")
    ('1990-03-07', '1990-03-07', '', '')
    """
    found = _DATE_PARTS.match(text(raw))
    if found is None:
        return ""
    year, month, day = (int(part) for part in found.groups())
    return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 and year > 1850 else ""


def _filled(stated: Coded, otherwise: Coded) -> Coded:
    """What was stated, and where nothing was, what the card says."""
    if not otherwise.values:
        return stated
    texts = [stated.values[a] if a >= 0 else otherwise.values[b] if b >= 0 else None
             for a, b in zip(stated.code.tolist(), otherwise.code.tolist(), strict=True)]  # fmt: skip
    return coded(texts)


def _plain(made: _Gathered, columns: Mapping[str, pa.Array], card: Coded) -> None:
    stated = coded(columns["gender"]).through(_sex) if "gender" in columns else nothing(made.rows)
    gender = _filled(stated, card.through(digits.sex))
    made.compared("gender", _EQUAL, gender, lambda a, b: compare.equal(gender, a, b), is_rarer=False)
    if "city" in columns:
        city = coded(columns["city"]).through(places.city)
        made.compared("city", _CITY, city, lambda a, b: compare.alike(city, a, b, compare.city_like, 2))
    if "address" in columns:
        where = coded(columns["address"]).through(places.address)
        house = where.through(places.house)
        made.compared("address", _PLACE, where, compare.address_like(house, where))
        made.key("house", house, "address")
        made.key("road", where.through(lambda said: re.sub(r"[\d\s]+.*", "", said)[-6:]).code, "address")


def _sex(raw: str) -> str:
    word = text(raw).casefold()
    return _SEXES.get(word, _SEXES_2.get(word, ""))


def _numbers(made: _Gathered, columns: Mapping[str, pa.Array], card: Coded) -> None:
    if "email" in columns:
        mail = coded(columns["email"]).through(lambda raw: text(raw).casefold())
        made.compared(
            "email", _MAIL, mail, lambda a, b: compare.alike(mail, a, b, compare.mail_like, 4), is_rarer=False
        )
        made.key("email_name", mail.through(_mail_name), "email")
    phone = coded(columns["phone"]).through(digits.phone) if "phone" in columns else nothing(made.rows)
    for role, value, width in (("phone", phone, digits.PHONE), ("id_card", card, digits.CARD)):
        levels = compare.gapped(digits.places(value.values, width), value.code)
        made.compared(role, _NUMBER, value, levels, is_rarer=False)
        made.key(f"{role}_tail", value.through(_tail), role)
    made.key("phone_ends", phone.through(_ends), "phone")


def _mail_name(mail: str) -> str:
    return "" if mail.startswith("#") else mail.partition("@")[0]


def _tail(number: str) -> str:
    """The last four digits, where they are shown."""
    return "" if "*" in number[-4:] or number.startswith("#") else number[-4:]


def _ends(number: str) -> str:
    """The first three and the last four digits of a mobile phone, which a masked one shows."""
    return "" if "*" in number[:3] or "*" in number[-4:] or number.startswith("#") else number[:3] + number[-4:]


def _owners(card: Coded) -> Ints:
    """The code of a card that is whole and valid, or of its hash; −1 for a hidden or a mistyped one."""
    return card.through(lambda number: number if number.startswith("#") or digits.is_valid(number) else "").code
