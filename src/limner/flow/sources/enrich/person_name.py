"""Names of persons: spaces, marks, honorifics and look-alike letters put right; what is no name is said so.

A Chinese name loses its spaces (王 小明), a name with a middle dot keeps one form of the dot (买买提·艾力), a Latin
name one space between its parts. An honorific goes, and what it says of the sex is a find of its own. Emoji are kept:
some people are called so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from limner.flow.sources.enrich.base import Answer, Plain, Type, enrich_kind

NOT_A_NAME = "not a name of a person"

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇"
_ONLY_HAN = re.compile(rf"[{_HAN}]+")
_DOTS = re.compile(r"\s*[·•‧・･⋅∙．｡●]\s*")
_HAN_DOT = re.compile(rf"(?<=[{_HAN}])\.(?=[{_HAN}])")
_SPACES = re.compile(r"\s+")
_HONORIFICS: Final = (
    ("先生", "male"),
    ("小姐", "female"),
    ("女士", "female"),
    ("太太", "female"),
    ("夫人", "female"),
    ("同志", ""),
    ("老师", ""),
    ("师傅", ""),
    ("经理", ""),
    ("总", ""),
)
_TITLES = re.compile(r"^(mr|mrs|ms|miss|mx|dr|prof)\.?\s+(?=\S)|\s*\((mr|mrs|ms|miss)\.?\)$", re.I)
_TITLE_SEX: Final = {"mr": "male", "mrs": "female", "ms": "female", "miss": "female"}
_ANNOTATED = re.compile(r"[(\[【（](.*?)[)\]】）]")
_COMPANY = re.compile(
    r"公司|有限|集团|酒店|超市|商行|门店|旗舰店|学校|医院|测试|test\b|客户|顾客|会员|匿名|用户\d*$|微信用户", re.I
)
_LOOK_ALIKES: Final = str.maketrans(
    "АВЕКМНОРСТХаеорсхуІіΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "ABEKMHOPCTXaeopcxyIiABEZHIKMNOPTYX",
)
"""Cyrillic and Greek letters that look Latin; used only in a name that has Latin letters as well."""
_COMPOUNDS: Final = (
    "欧阳上官司马诸葛东方皇甫尉迟公孙慕容令狐司徒夏侯宇文长孙端木南宫轩辕百里呼延东郭西门独孤第五澹台公冶"
    "宗政濮阳淳于单于太叔申屠仲孙钟离鲜于闾丘司空亓官司寇仉督子车颛孙巫马公西漆雕乐正壤驷公良拓跋夹谷宰父"
    "谷梁段干东门南门赫连完颜纳兰耶律万俟"
)
_COMPOUND: Final = frozenset(_COMPOUNDS[place : place + 2] for place in range(0, len(_COMPOUNDS), 2))
MOST_LETTERS: Final = 40


@enrich_kind("person_name")
class PersonNames(Plain):
    """The name, its surname where it is Chinese, and the sex that an honorific says."""

    finds: ClassVar[Mapping[str, Type]] = {"name": "text", "surname": "text", "sex": "text"}

    def read(self, plain: str) -> Answer:
        """A name put right.

        >>> dict(PersonNames.read(PersonNames, "王 小明  先生").found)
        {'name': '王小明', 'surname': '王', 'sex': 'male'}
        >>> PersonNames.read(PersonNames, "张女士").found["name"], PersonNames.read(PersonNames, "测试").reason
        ('张', 'not a name of a person')
        """
        name, sex = _without_honorific(_ANNOTATED.sub(" ", plain).strip() or plain)
        name = _spelled(name)
        if not _is_name(name):
            return Answer({}, NOT_A_NAME)
        found = {"name": name}
        surname = _surname(name)
        if surname:
            found["surname"] = surname
        if sex:
            found["sex"] = sex
        return Answer(found)

    def shown(self, plain: str) -> str:
        """The first character."""
        return f"{plain[:1]}**"


def _without_honorific(name: str) -> tuple[str, str]:
    """The name without 先生, 女士, Mr and their like, and the sex they say."""
    title = _TITLES.search(name)
    if title:
        word = (title[1] or title[2]).lower()
        return _TITLES.sub("", name).strip(), _TITLE_SEX.get(word, "")
    bare = _SPACES.sub("", name)
    for word, sex in _HONORIFICS:
        stem = bare.removesuffix(word)
        if stem != bare and _ONLY_HAN.fullmatch(stem) and (len(word) > 1 or len(stem) == 1):
            return stem, sex
    return name, ""


def _spelled(name: str) -> str:
    """One form for dots, spaces and letters that only look Latin."""
    name = _HAN_DOT.sub("·", _DOTS.sub("·", name))
    if re.search(r"[A-Za-z]", name):
        name = name.translate(_LOOK_ALIKES)
    joined = _SPACES.sub("", name)
    if _ONLY_HAN.fullmatch(joined.replace("·", "")):
        return joined
    return _SPACES.sub(" ", name).strip(" -_.,，。*")


def _is_name(name: str) -> bool:
    has_letter = any(c.isalpha() or ord(c) > 0x2600 for c in name)
    return (
        has_letter and len(name) <= MOST_LETTERS and not _COMPANY.search(name) and not re.search(r"\d{3,}|[*@]", name)
    )


def _surname(name: str) -> str:
    if not _ONLY_HAN.fullmatch(name) or len(name) > 4:
        return ""
    return name[:2] if len(name) > 2 and name[:2] in _COMPOUND else name[:1]
