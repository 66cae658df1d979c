"""Numbers of which some digits may be hidden: mobile phones (138****1234) and ID cards, with their check digit.

An ID card of the mainland has 18 places: six for the region, eight for the birth date, three in sequence (odd for men)
and a check digit (GB 11643-1999, ISO 7064 mod 11-2). One of 15 places is the same without century and check digit.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from limner.core.normal import text

Digits = npt.NDArray[np.int8]

PHONE, CARD = 11, 18
HIDDEN: Final = -1
_WEIGHTS: Final = tuple(pow(2, 17 - place, 11) for place in range(17))
_CHECKS: Final = "10X98765432"
_MARKS: Final = re.compile(r"[\s\-–—().'+_]")
_DIGITS: Final = frozenset("0123456789")
_STARS: Final = re.compile(r"[*＊•·●xX]{2,}|[*＊•·●]")


def check_digit(first: str) -> str:
    """The check digit of the first 17 places of an ID card.

    >>> check_digit("11010519491231002")
    'X'
    """
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


@lru_cache(1 << 16)
def card(raw: str) -> str:
    """An ID card in 18 places, hidden ones as `*`; a tail of four or more places is led by stars; empty: not a card.

    >>> card("310115 19900307 002x"), card("310115199003070"), card("3101**********1234"), card("1234")
    ('31011519900307002X', '', '3101**********1234', '**************1234')
    """
    plain = _MARKS.sub("", text(raw)).upper()
    if plain.startswith("#"):
        return plain.lower()
    whole = _filled(plain, CARD)
    if len(whole) == 15 and whole.isascii() and whole.isdigit():
        longer = whole[:6] + "19" + whole[6:]
        whole = longer + check_digit(longer) if born(longer + "0") else ""
    is_card = len(whole) == CARD and re.fullmatch(r"[0-9*]{17}[0-9X*]", whole) is not None
    return whole if is_card and whole.strip("*") else ""


def is_valid(number: str) -> bool:
    """Whether a card in 18 places is whole, says a date, and its check digit is right.

    >>> is_valid("11010519491231002X"), is_valid("110105194912310021"), is_valid("**************002X")
    (True, False, False)
    """
    whole = re.fullmatch(r"[0-9]{17}[0-9X]", number) is not None
    return whole and bool(born(number)) and check_digit(number[:17]) == number[17]


def born(number: str) -> str:
    """The birth date a card in 18 places says, ISO; empty where it is hidden or no date.

    >>> born("11010519491231002X"), born("110105194913310020")
    ('1949-12-31', '')
    """
    try:
        if not number.isascii():
            return ""
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14])).isoformat()
    except ValueError:
        return ""


def sex(number: str) -> str:
    """`m` or `f`, as the 17th place of a card says; empty where it is hidden.

    >>> sex("11010519491231002X")
    'f'
    """
    return ("f", "m")[int(number[16]) % 2] if number[16:17] in _DIGITS else ""


@lru_cache(1 << 16)
def phone(raw: str) -> str:
    """A mobile phone in 11 places, hidden ones as `*`; a tail of four is led by stars; another number as it is.

    >>> phone("+86 138-1234-9876"), phone("138****9876"), phone("9876"), phone("021-5555 1234")
    ('13812349876', '138****9876', '*******9876', '02155551234')
    """
    plain = _MARKS.sub("", text(raw))
    if plain.startswith("#"):
        return plain
    plain = re.sub("^(?:0{0,2}86)(?=1[0-9*])", "", plain)
    return _filled(plain, PHONE)


def _filled(plain: str, width: int) -> str:
    """The number with as many stars as it lacks places: where it has stars, or in front of a tail of 4 to 6."""
    parts = _STARS.split(plain)
    if len(parts) == 1:
        return "*" * (width - len(plain)) + plain if 4 <= len(plain) <= 6 else plain
    known = sum(len(part) for part in parts)
    if known >= width or len(parts) > 2:
        return re.sub(r"[＊•·●]", "*", plain) if len(plain) == width else ""
    return parts[0] + "*" * (width - known) + parts[1]


def places(numbers: tuple[str, ...], width: int) -> Digits:
    """The digits of numbers in `width` places, shape (n + 1, width), X as 10; hidden or of another width: −1.

    The last row stands for the unknown.

    >>> places(("12*X",), 4).tolist()
    [[1, 2, -1, 10], [-1, -1, -1, -1]]
    """
    table = np.full((len(numbers) + 1, width), HIDDEN, np.int8)
    for at, number in enumerate(numbers):
        if len(number) == width and not number.startswith("#"):
            table[at] = [10 if c == "X" else int(c) if c in _DIGITS else HIDDEN for c in number]
    return table
