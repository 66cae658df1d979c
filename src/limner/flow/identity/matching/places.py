"""Cities and addresses as they are compared."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from limner.core.normal import text

_TAILS: Final = re.compile("(?:特别行政区|自治州|自治县|地区|市|省|区|县|盟)$")
_MARKS: Final = re.compile(r"[\s,，.。;；:：()（）\[\]【】#/\\'\"-]+")
_NUMBERS: Final = re.compile("[0-9]+")
_CHINESE: Final = str.maketrans("一二三四五六七八九〇零两", "123456789002")
_NUMERALS: Final = re.compile("[一二三四五六七八九〇零两十百]+(?=[号弄栋幢座室楼层组队])")
_WORDS: Final = (("号楼", "栋"), ("幢", "栋"), ("座", "栋"), ("弄", "号"), ("单元", "门"), ("房间", "室"), ("房", "室"))
_PROVINCE: Final = re.compile("^(?:中国)?[\u4e00-\u9fff]{2,8}?(?:省|自治区)")


@lru_cache(1 << 16)
def city(raw: str) -> str:
    """A city without the word for one.

    >>> city("上海市"), city(" London ")
    ('上海', 'london')
    """
    plain = _MARKS.sub("", text(raw).casefold())
    bare = _TAILS.sub("", plain)
    return bare if len(bare) > 1 else plain


@lru_cache(1 << 16)
def address(raw: str) -> str:
    """An address with digits for numerals, one word for each sort of place, no province and no marks.

    Words of a Latin address are put in order, so that parts that changed places still agree.

    >>> address("上海市 中山北路12弄3号楼５０１室"), address("Rose Court, 6")
    ('上海市中山北路12号3栋501室', '6 court rose')
    """
    plain = text(raw).casefold()
    if plain.isascii():
        return " ".join(sorted(_MARKS.sub(" ", plain).split()))
    plain = _PROVINCE.sub("", _MARKS.sub("", plain))
    plain = _NUMERALS.sub(_numeral, plain)
    for word, one in _WORDS:
        plain = plain.replace(word, one)
    return plain


def _numeral(found: re.Match[str]) -> str:
    """十二 as 12, 二百零三 as 203, 五〇一 as 501."""
    word = found[0]
    if "十" not in word and "百" not in word:
        return word.translate(_CHINESE)
    hundreds, has_hundreds, rest = word.rpartition("百")
    tens, has_tens, ones = rest.rpartition("十")
    parts = (
        hundreds if has_hundreds else "零",
        (tens.strip("零") or "一") if has_tens else "零",
        ones.strip("零") or "零",
    )
    values = [part.translate(_CHINESE) for part in parts]
    return str(sum(int(value) * unit for value, unit in zip(values, (100, 10, 1), strict=True) if value.isdigit()))


def house(plain: str) -> str:
    """The numbers of an address in their order: 12.3.501. Empty: it has none.

    >>> house("上海市中山北路12号3栋501室")
    '12.3.501'
    """
    return ".".join(number.lstrip("0") or "0" for number in _NUMBERS.findall(plain))
