"""Taxonomies out of CSV: a column per level, or a parent and a child per row. Headers may be Chinese or English."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from limner.core.errors import BadInput, near, words
from limner.core.spans import parse_span
from limner.flow.tags.definition import Branch

NO_HEADERS = words(
    "taxonomy_headers",
    "{place}: no columns of a taxonomy among {found}. Name the levels 一级, 二级, 三级, 四级 (level1 to level4), "
    "or give 上级 and 名称 (parent and name), with 编号 (id) where names repeat.",
)
NO_NAME = words("taxonomy_row_nameless", "{place}, row {row}: the level above {name!r} has no name.")
NO_PARENT = words("taxonomy_row_parent", "{place}, row {row}: there is no node {parent!r} for {name!r} to stand under.")
AMBIGUOUS = words(
    "taxonomy_row_ambiguous", "{place}, row {row}: {name!r} names several nodes. Give every row an id (编号)."
)
CIRCLE = words("taxonomy_row_circle", "{place}, row {row}: {name!r} stands under itself.")
ROW_TWICE = words("taxonomy_row_twice", "{place}, row {row}: {path!r} stands in row {first} already.")
ROW_DEEP = words("taxonomy_row_deep", "{place}, row {row}: {path!r} has {found} levels, at most {most} are read.")
BAD_SPAN = words("taxonomy_row_span", "{place}, row {row}: the half-life {value!r} must be days, such as 30 or 30d.")

_LEVELS: Final = ("一二三四", "1234")
_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "name_en": frozenset(("name_en", "english", "en", "英文", "英文名", "英文名称")),
    "half_life": frozenset(("half_life", "halflife", "半衰期")),
    "parent": frozenset(("parent", "parent_id", "parentid", "上级", "父级", "父节点", "上级编号", "父编号", "父id")),
    "name": frozenset(("name", "child", "名称", "节点", "子级", "下级", "子节点", "类目", "分类", "标签")),
    "id": frozenset(("id", "code", "编号", "编码", "代码")),
}
_DEEPEST: Final = 4


def read_csv(text: str, place: str) -> tuple[Branch, ...]:
    """The nodes of a CSV text; `place` names the file in errors, rows are counted as a spreadsheet does.

    Where a row leaves a level empty and fills a deeper one, the level is that of the row above. A `/` inside a name
    becomes `·`, because paths are joined by it.

    >>> [branch.path for branch in read_csv("一级,二级\\n旅游,机票\\n,酒店\\n", "t.csv")]
    ['旅游/机票', '旅游/酒店']
    """
    text = text.removeprefix("\ufeff")
    reader = csv.reader(text.splitlines(), delimiter=_delimiter(text))
    header = [_plain(cell) for cell in next(reader, [])]
    roles = _roles(header)
    rows = [(place_of + 2, _cells(row, roles)) for place_of, row in enumerate(reader)]
    rows = [(number, cells) for number, cells in rows if any(cells.values())]
    if "level1" in roles:
        found = _by_levels(rows, place)
    elif "parent" in roles and "name" in roles:
        found = _by_parents(rows, place)
    else:
        raise BadInput(NO_HEADERS, place=place, found=", ".join(header) or "nothing")
    return tuple(_once(found, place))


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t|，", key=lambda mark: (head.count(mark), mark == ","))


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


def _roles(header: Sequence[str]) -> dict[str, int]:
    """Which column plays which role; the first of two wins."""
    found: dict[str, int] = {}
    for place, title in enumerate(header):
        key = title.lower().replace(" ", "_")
        role = next((role for role, names in _ROLES.items() if key in names), None) or _level(key)
        if role:
            found.setdefault(role, place)
    return found


def _level(key: str) -> str | None:
    """`level2` for 二级, 二级类目, level_2, L2; None for anything else."""
    bare = key.replace("_", "").removeprefix("第")
    for digits in _LEVELS:
        for place, digit in enumerate(digits, 1):
            is_chinese = bare.startswith((f"{digit}级", f"{digit}層", f"{digit}层"))
            if is_chinese or bare in (f"level{digit}", f"l{digit}", f"lv{digit}"):
                return f"level{place}"
    return None


def _cells(row: Sequence[str], roles: Mapping[str, int]) -> dict[str, str]:
    return {role: _plain(row[at]).replace("/", "·") if at < len(row) else "" for role, at in roles.items()}


Rows = Sequence[tuple[int, Mapping[str, str]]]
Found = Iterator[tuple[int, Branch]]


def _by_levels(rows: Rows, place: str) -> Found:
    above: list[str] = []
    for row, cells in rows:
        names = [cells.get(f"level{level}", "") for level in range(1, _DEEPEST + 1)]
        depth = max((level for level, name in enumerate(names, 1) if name), default=0)
        filled = [name or (above[at] if at < len(above) else "") for at, name in enumerate(names[:depth])]
        first = next((at for at, name in enumerate(names) if name), 0)
        if not all(filled[:first]) or not all(names[first:depth]):
            raise BadInput(NO_NAME, place=place, row=row, name=names[depth - 1])
        above = filled
        yield row, _branch(filled, cells, row, place)


def _by_parents(rows: Rows, place: str) -> Found:
    by_key: dict[str, int] = {}
    for at, (_, cells) in enumerate(rows):
        key = cells.get("id") or cells["name"]
        by_key[key] = -1 if key in by_key else at
    for row, cells in rows:
        names, parent, seen = [cells["name"]], cells["parent"], {cells.get("id") or cells["name"]}
        while parent:
            if parent not in by_key:
                raise BadInput(NO_PARENT, near=near(parent, by_key), place=place, row=row, parent=parent, name=names[0])
            at = by_key[parent]
            if at < 0:
                raise BadInput(AMBIGUOUS, place=place, row=row, name=parent)
            if parent in seen:
                raise BadInput(CIRCLE, place=place, row=row, name=cells["name"])
            seen.add(parent)
            names.insert(0, rows[at][1]["name"])
            parent = rows[at][1]["parent"]
        yield row, _branch(names, cells, row, place)


def _branch(names: Sequence[str], cells: Mapping[str, str], row: int, place: str) -> Branch:
    path, said = "/".join(names), cells.get("half_life", "")
    if not all(names):
        raise BadInput(NO_NAME, place=place, row=row, name=names[-1])
    if len(names) > _DEEPEST:
        raise BadInput(ROW_DEEP, place=place, row=row, path=path, found=len(names), most=_DEEPEST)
    return Branch(path, cells.get("name_en", ""), _span(said, row, place) if said else None)


def _span(said: str, row: int, place: str) -> timedelta:
    try:
        return parse_span(f"{said}d" if said.isdecimal() else said)
    except BadInput:
        raise BadInput(BAD_SPAN, place=place, row=row, value=said) from None


def _once(found: Found, place: str) -> Iterator[Branch]:
    rows: dict[str, int] = {}
    for row, branch in found:
        first = rows.setdefault(branch.path, row)
        if first != row:
            raise BadInput(ROW_TWICE, place=place, row=row, path=branch.path, first=first)
        yield branch
