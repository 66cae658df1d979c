"""Names of persons: parted into surname and given name, as they sound and as they look.

A Chinese name is surname first; a surname has one character, or two if it is a known compound. How it sounds is its
pinyin without tones, with the differences dropped that ears and keyboards drop (zh/z, ch/c, sh/s, -ng/-n, l/n). How it
looks is the same name with each character replaced by the first of its look-alikes.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

from limner.core.normal import text
from limner.maths.extras import need

_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_NOISE: Final = re.compile(r"[\s.。,，'’_\-－—]+")
_DOTS: Final = re.compile("[·•・‧∙.]")
_HIDDEN: Final = frozenset("*＊某Xx×")
_FOLDS: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"), ("v", "u"))


@cache
def tables() -> Mapping[str, Any]:
    """The table of compound surnames, honorifics, look-alikes and readings."""
    raw = tomllib.loads(resources.files(__package__ or "").joinpath("names.toml").read_text("utf-8"))
    alike: dict[str, str] = {}
    for group in raw["alike"]:
        first = next((alike[char] for char in group if char in alike), group[0])
        alike |= {char: alike.get(char, first) for char in group}
    compound, honorifics = frozenset(raw["compound"]), tuple(sorted(raw["honorifics"], key=len, reverse=True))
    return {"compound": compound, "honorifics": honorifics, "alike": alike, "readings": raw["readings"]}


@dataclass(frozen=True, slots=True)
class Parted:
    """A name in two parts, either of which may be unknown (empty)."""

    surname: str
    given: str


@lru_cache(1 << 16)
def parted(raw: str) -> Parted:
    """The surname and the given name. Honorifics go; a hidden character (张**) makes its part unknown.

    >>> parted("欧阳 小明"), parted("张**"), parted("Robert Alan")
    (Parted(surname='欧阳', given='小明'), Parted(surname='张', given=''), Parted(surname='alan', given='robert'))
    """
    plain = text(raw).casefold()
    if _HAN.search(plain):
        return _chinese(plain)
    last, comma, first = plain.partition(",")
    words = [word for word in _NOISE.sub(" ", plain).split() if word]
    if comma:
        return Parted(_NOISE.sub(" ", last).strip(), _NOISE.sub(" ", first).strip())
    return Parted(words[-1], " ".join(words[:-1])) if len(words) > 1 else Parted("", " ".join(words))


def _chinese(plain: str) -> Parted:
    for honorific in tables()["honorifics"]:
        if plain.endswith(honorific) and len(plain) > len(honorific):
            plain = plain.removesuffix(honorific)
            break
    if _DOTS.search(plain):
        given, *rest = (part for part in _DOTS.split(_NOISE_BUT_DOTS.sub("", plain)) if part)
        return Parted(rest[-1] if rest else "", given)
    plain = _NOISE.sub("", plain)
    size = 2 if len(plain) > 2 and plain[:2] in tables()["compound"] else 1
    return Parted(_shown(plain[:size]), _shown(plain[size:]))


_NOISE_BUT_DOTS: Final = re.compile(r"[\s,，'’_\-－—]+")


def _shown(part: str) -> str:
    return "" if any(char in _HIDDEN for char in part) else part


def word(raw: str) -> str:
    """One part of a name as it is compared: plain, without case, blanks and marks.

    >>> word("O'Neill "), word("小 明")
    ('oneill', '小明')
    """
    return _NOISE.sub("", text(raw).casefold())


def sound(part: str) -> str:
    """How a part of a name sounds. Needs pypinyin, of the extra `identity`, where the part is Chinese.

    >>> sound("晓明") == sound("小敏") == sound("Xiao Ming")
    True
    """
    spelt = "".join(_reading(char) for char in part) if _HAN.search(part) else _bare(part)
    for long, short in _FOLDS:
        spelt = spelt.replace(long, short)
    return spelt


def look(part: str) -> str:
    """How a part of a name looks: the first look-alike in place of each character.

    >>> look("已末") == look("己未")
    True
    """
    alike = tables()["alike"]
    return "".join(alike.get(char, char) for char in part)


def surname_sound(surname: str) -> str:
    """How a surname sounds, where some characters are read otherwise than elsewhere.

    >>> surname_sound("单") == surname_sound("善"), sound("单") == sound("善")
    (True, False)
    """
    readings = tables()["readings"]
    return sound(readings.get(surname, surname)) if len(surname) == 1 else sound(surname)


@lru_cache(1 << 15)
def _reading(char: str) -> str:
    if not _HAN.match(char):
        return char
    return str(need("pypinyin", extra="identity").lazy_pinyin(char)[0])


def _bare(part: str) -> str:
    """Latin letters without accents, blanks and marks."""
    apart = unicodedata.normalize("NFKD", part.casefold())
    return _NOISE.sub("", "".join(char for char in apart if not unicodedata.combining(char)))
