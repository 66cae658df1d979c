"""The axes of a family of tags, read from its options: windows, cases, and the values rows show.

An axis has a name and answers with parts; a member of the family is one part of every axis. The key of a part stands in
the member's column (`spend.90d.女装`), its names in the member's display names. What is written here is all there is to
an axis: no part is made from anything but a span, a condition the tag language allows, or a value of a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Final, Literal

from limner.core.errors import BadDefinition, LimnerError, near, words
from limner.core.ours import Tag
from limner.core.spans import parse_span, span_text
from limner.flow.tags.base import BAD_OPTION
from limner.flow.tags.options import known_only

BAD_AXIS = words("tag_axis_bad", "{place}: the axis {axis!r} is {value!r}, it must be {bound}.")
TOO_LARGE = words(
    "tag_family_large",
    "{place}: the family {tag!r} has {found} members, at most {most} are kept. Take fewer windows or cases, or name "
    "the values to keep under `among`.",
)
NO_AXIS = words("tag_member_names_axis", "{place}: `{option}` names the axis {axis!r}, which the family does not have.")

MOST: Final = 5_000
"""Members a family has at most: each is a column."""
ALL: Final = "all"
"""The window that reaches back to the beginning."""
OPTIONS: Final = ("axes", "member", "member_en")

Sort = Literal["within", "cases", "each"]
_FIELDS: Final[Mapping[Sort, tuple[str, ...]]] = {
    "within": ("within",),
    "cases": ("cases",),
    "each": ("each", "among"),
}
_KEY = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an axis: its key, what it is called in Chinese and English, and what cuts rows down to it."""

    key: str
    name: str
    name_en: str
    within: timedelta | None = None
    matching: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: windows, cases (conditions on rows), or each value of an expression; `steps` of the last are empty where
    the values are those that are found."""

    name: str
    sort: Sort
    steps: tuple[Step, ...]
    value: str = ""

    @property
    def is_found(self) -> bool:
        """Whether its values are read off the rows."""
        return self.sort == "each" and not self.steps

    def step(self, key: str) -> Step:
        """The part of a key; a value that was found is its own name."""
        return next((step for step in self.steps if step.key == key), Step(key, key, key))


def axes_of(tag: Tag, place: str) -> tuple[Axis, ...]:
    """The axes of a family as they are written, one of values last; BadDefinition when they cannot be."""
    known_only(tag, OPTIONS, place)
    found = tag.options.get("axes")
    if not isinstance(found, Mapping) or not found:
        raise BadDefinition(BAD_OPTION, place=place, option="axes", value=found, bound="names with an axis each")
    axes = sorted((_axis(str(name), said, place) for name, said in found.items()), key=lambda a: a.sort == "each")
    for sort in ("within", "each"):
        alike = [axis for axis in axes if axis.sort == sort]
        if len(alike) > 1:
            raise _wrong(alike[1].name, found[alike[1].name], f"the only axis with `{sort}`", place)
    if tag.within is not None and any(axis.sort == "within" for axis in axes):
        raise BadDefinition(BAD_OPTION, place=place, option="within", value=span_text(tag.within), bound="on the axis")
    _check_names(tag, axes, place)
    return tuple(axes)


def members_of(tag: Tag, axes: Sequence[Axis], found: Sequence[str], place: str) -> Iterator[tuple[Step, ...]]:
    """The members as one part of each axis; `found` are the values of an axis that is read off the rows."""
    parts = [[axis.step(value) for value in found] if axis.is_found else list(axis.steps) for axis in axes]
    size = 1
    for steps in parts:
        size *= len(steps)
    if size > MOST:
        raise BadDefinition(TOO_LARGE, place=place, tag=tag.id, found=f"{size:,}", most=f"{MOST:,}")
    return product(*parts)


def column_of(tag: Tag, member: Sequence[Step]) -> str:
    """The column of a member: the tag's id and a key of each axis.

    >>> column_of(Tag("spend"), [Step("90d", "近90天", "last 90 days"), Step("女装", "女装", "女装")])
    'spend.90d.女装'
    """
    return ".".join([tag.id, *(step.key for step in member)])


def names_of(tag: Tag, column: str, place: str = "") -> tuple[str, str]:
    """The Chinese and the English name of a member by its column; empty for a column that is none of the family's.

    >>> tag = Tag("spend", options={"member": "{window}{thing}消费", "axes": {"window": {"within": ["90d"]},
    ...     "thing": {"each": "top_category"}}})
    >>> names_of(tag, "spend.90d.女装")
    ('近90天女装消费', '')
    """
    axes = axes_of(tag, place or f"tags/{tag.id}")
    stem, _, rest = column.partition(".")
    keys = rest.split(".", len(axes) - 1) if rest else []
    if stem != tag.id or len(keys) != len(axes):
        return "", ""
    steps = {axis.name: axis.step(key) for axis, key in zip(axes, keys, strict=True)}
    zh, en = (str(tag.options.get(option, "")) for option in ("member", "member_en"))
    return filled(zh, {n: s.name for n, s in steps.items()}), filled(en, {n: s.name_en for n, s in steps.items()})


def filled(text: str, names: Mapping[str, str]) -> str:
    """A name of members with the names of some axes put in."""
    return _PLACE.sub(lambda found: names.get(found[1], found[0]), text)


def _check_names(tag: Tag, axes: Sequence[Axis], place: str) -> None:
    """Names of members name every axis, so that no two are called alike, and none else."""
    known = [axis.name for axis in axes]
    for option in ("member", "member_en"):
        text = tag.options.get(option, "")
        if not isinstance(text, str):
            raise BadDefinition(BAD_OPTION, place=place, option=option, value=text, bound="a text")
        named = _PLACE.findall(text)
        for axis in named:
            if axis not in known:
                raise BadDefinition(NO_AXIS, near=near(axis, known), place=place, option=option, axis=axis)
        lacking = [name for name in known if name not in named]
        if text and lacking:
            bound = "a text with " + ", ".join(f"{{{name}}}" for name in lacking)
            raise BadDefinition(BAD_OPTION, place=place, option=option, value=text, bound=bound)


def _axis(name: str, said: object, place: str) -> Axis:
    sorts = [sort for sort in _FIELDS if isinstance(said, Mapping) and sort in said]
    if not _KEY.fullmatch(name) or not isinstance(said, Mapping) or len(sorts) != 1:
        raise _wrong(name, said, "a name of letters and digits with one of " + ", ".join(_FIELDS), place)
    [sort] = sorts
    for field in said:
        if field not in _FIELDS[sort]:
            raise _wrong(name, field, "one of " + ", ".join(_FIELDS[sort]), place)
    if sort == "each":
        value = said["each"]
        if not isinstance(value, str) or not value.strip():
            raise _wrong(name, value, "an expression of a row", place)
        return Axis(name, sort, _among(name, said.get("among"), place), value)
    return Axis(name, sort, (_windows if sort == "within" else _cases)(name, said[sort], place))


def _windows(name: str, said: object, place: str) -> tuple[Step, ...]:
    bound = f"a list of different spans of at least a minute such as [30d, 90d, {ALL}]"
    if not isinstance(said, list | tuple) or not said or len({str(one) for one in said}) < len(said):
        raise _wrong(name, said, bound, place)
    found = []
    for text in map(str, said):
        if text == ALL:
            found.append(Step(ALL, "累计", "all time"))
            continue
        try:
            span = parse_span(text)
        except LimnerError:
            raise _wrong(name, text, bound, place) from None
        if span < timedelta(minutes=1):
            raise _wrong(name, text, bound, place)
        days = span.days if span % timedelta(days=1) == timedelta() else 0
        zh, en = (f"近{days}天", f"last {days} days") if days else (f"近{span_text(span)}", f"last {span_text(span)}")
        found.append(Step(span_text(span), zh, en, span))
    return tuple(found)


def _cases(name: str, said: object, place: str) -> tuple[Step, ...]:
    bound = "keys with a condition, or with matching, name and name_en"
    if not isinstance(said, Mapping) or not said:
        raise _wrong(name, said, bound, place)
    found = []
    for key, body in said.items():
        more = body if isinstance(body, Mapping) else {"matching": body}
        texts = {field: more.get(field, "") for field in ("matching", "name", "name_en")}
        is_right = more.keys() <= texts.keys() and all(isinstance(text, str) for text in texts.values())
        if not is_right or not texts["matching"].strip() or not _KEY.fullmatch(str(key)):
            raise _wrong(name, {key: body}, bound, place)
        texts["name"] = texts["name"] or str(key)
        found.append(Step(str(key), texts["name"], texts["name_en"] or texts["name"], matching=texts["matching"]))
    return tuple(found)


def _among(name: str, said: object, place: str) -> tuple[Step, ...]:
    bound = "values, or values with name and name_en"
    if said is None:
        return ()
    if isinstance(said, list | tuple):
        said = {str(value): {} for value in said}
    if not isinstance(said, Mapping) or not said:
        raise _wrong(name, said, bound, place)
    found = []
    for key, body in said.items():
        more = body if isinstance(body, Mapping) else {"name": body}
        zh, en = more.get("name", ""), more.get("name_en", "")
        if not more.keys() <= {"name", "name_en"} or not isinstance(zh, str) or not isinstance(en, str):
            raise _wrong(name, {key: body}, bound, place)
        found.append(Step(str(key), zh or str(key), en or zh or str(key)))
    return tuple(found)


def _wrong(axis: str, value: object, bound: str, place: str) -> BadDefinition:
    return BadDefinition(BAD_AXIS, place=place, axis=axis, value=value, bound=bound)
