"""Chinese identity card numbers (GB 11643-1999): the check digit, and what a number says of its holder.

Eighteen characters: six of the region where it was first given out, eight of the birth date, three of an order number
that is odd for men, and a check digit (ISO 7064 MOD 11-2). Until 1999 cards had fifteen: no century, no check digit.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, NamedTuple

from limner.core.normal import SPREADSHEET, is_empty, text

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_NEW = re.compile(r"\d{17}[\dX]")
_OLD = re.compile(r"\d{15}")
_MARKS = re.compile(r"[\s\-·.]")
_EXPONENT = re.compile(r"\d(\.\d+)?E\+?\d{1,3}")
_MASKED = re.compile(r"[\dX*•·＊●]*\*+[\dX*•·＊●]*")
_PROVINCES: Final = frozenset(
    str(number)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for number in range(first, last + 1)
)
"""First two digits; 83 is the residence permit of people from Taiwan, as 81 and 82 are for Hong Kong and Macau."""
_FOREIGN: Final = "9"
"""The permanent residence card of foreigners begins with it, in the form of 2023; its region is not one of ours."""
_OLDEST: Final = 1850


class IdCard(NamedTuple):
    """A number in the form of eighteen characters and what it says; or the reason it is none.

    `region` is the six-digit code of where it was first given out (empty on a foreigner's card), `sex` is female or
    male. All empty: there was nothing, or a masked number.
    """

    value: str | None = None
    born: date | None = None
    sex: str = ""
    region: str = ""
    reason: str | None = None


def check_digit(first: str) -> str:
    """The check digit of seventeen digits.

    >>> check_digit("11010519491231002")
    'X'
    """
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def id_card(raw: str | None) -> IdCard:
    """Read a number as people type it. An old number of fifteen digits gets its century and check digit.

    >>> id_card("11010519491231002x")
    IdCard(value='11010519491231002X', born=datetime.date(1949, 12, 31), sex='female', region='110105', reason=None)
    >>> id_card("130503670401001").value
    '130503196704010016'
    >>> id_card("110105194912310021").reason, id_card("1.10105E+17").reason
    ('wrong check digit of an id card', 'id card destroyed by a spreadsheet')
    """
    plain = _MARKS.sub("", text(raw).upper().replace("Ｘ", "X").replace("×", "X")) if raw is not None else ""
    if is_empty(plain) or _MASKED.fullmatch(plain):
        return IdCard()
    if _EXPONENT.fullmatch(plain) or (_EXPONENT.fullmatch(text(raw or "").upper().replace(" ", ""))):
        return IdCard(reason=SPREADSHEET.format(form="id card"))
    if _OLD.fullmatch(plain):
        plain = plain[:6] + "19" + plain[6:]
        plain += check_digit(plain)
    if not _NEW.fullmatch(plain):
        return IdCard(reason="not an id card number")
    if check_digit(plain[:17]) != plain[17]:
        # a spreadsheet keeps fifteen digits and writes zeros for the rest
        is_cut = plain.endswith("000")
        return IdCard(reason=SPREADSHEET.format(form="id card") if is_cut else "wrong check digit of an id card")
    if plain[:2] not in _PROVINCES and plain[0] != _FOREIGN:
        return IdCard(reason="unknown region of an id card")
    born = _born(plain[6:14])
    if born is None:
        return IdCard(reason="impossible birth date of an id card")
    region = "" if plain[0] == _FOREIGN else plain[:6]
    return IdCard(plain, born, "male" if int(plain[16]) % 2 else "female", region)


def _born(digits: str) -> date | None:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return day if day.year >= _OLDEST else None
