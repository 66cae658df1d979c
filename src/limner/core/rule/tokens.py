"""The tokens of rule text. Full-width forms, Chinese quotes and Chinese keywords mean what they look like."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final, Literal

from limner.core.errors import BadDefinition, words

Sort = Literal["name", "quoted", "string", "number", "date", "op", "word", "end"]

BAD_CHARACTER = words(
    "rule_character", "Rule, line {line}, column {column}: the character {found!r} has no meaning here.\n{snippet}"
)
UNCLOSED = words("rule_unclosed_quote", "Rule, line {line}, column {column}: this quote is never closed.\n{snippet}")
TOO_LONG = words("rule_too_long", "The rule is {size} characters long, at most {bound} are allowed.")

LENGTH: Final = 400_000
WORDS: Final = {
    **dict.fromkeys(("and", "且", "并且"), "and"),
    **dict.fromkeys(("or", "或", "或者"), "or"),
    **dict.fromkeys(("not", "非"), "not"),
    **dict.fromkeys(("in", "属于"), "in"),
    **dict.fromkeys(("true", "是"), "true"),
    **dict.fromkeys(("false", "否"), "false"),
}
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_WIDE |= {0x3000: 0x20, ord("、"): ord(","), ord("。"): ord("."), ord("【"): ord("("), ord("】"): ord(")")}
_CLOSERS = {
    '"': '"',
    "'": "'",
    "“": "”“",
    "”": "”“",
    "‘": "’‘",
    "’": "’‘",
    "「": "」",
    "『": "』",
    "＂": "＂",
    "＇": "＇",
}
_OPS = {"==": "==", "!=": "!=", "<>": "!=", "<=": "<=", ">=": ">=", "=": "=", "<": "<", ">": ">"}
_OPS |= {"≥": ">=", "≤": "<=", "≠": "!=", "(": "(", ")": ")", ",": ",", "[": "[", "]": "]", "%": "%"}
_SPACE = re.compile(r"\s+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?(?![\w-])", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,2}(?!\w))?", re.ASCII)
_NAME = re.compile(r"\w(?:[\w./\-·]*\w)?")
_INFIX = re.compile(r"并且|或者|且|或|属于")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its sort, what it means, and where it begins in the text."""

    sort: Sort
    text: str
    start: int


def tokens(text: str) -> list[Token]:
    """Split rule text; the last token is always an `end`.

    >>> [t.text for t in tokens("正价占比＜0.3 且 orders>=2")]
    ['正价占比', '<', '0.3', 'and', 'orders', '>=', '2', '']
    """
    if len(text) > LENGTH:
        raise BadDefinition(TOO_LONG, size=len(text), bound=LENGTH)
    plain = text.translate(_WIDE)
    found: list[Token] = []
    place = 0
    while True:
        space = _SPACE.match(plain, place)
        place = space.end() if space else place
        if place >= len(plain):
            return [*found, Token("end", "", place)]
        token, place = _next(text, plain, place, found)
        found.append(token)


def _next(text: str, plain: str, place: int, before: list[Token]) -> tuple[Token, int]:
    if text[place] in _CLOSERS:
        return _quoted(text, place, _CLOSERS[text[place]], "string")
    if text[place] == "`":
        return _quoted(text, place, "`", "quoted")
    for size in (2, 1):
        op = _OPS.get(plain[place : place + size])
        if op is not None:
            return Token("op", op, place), place + size
    return _bare(text, plain, place, before)


def _bare(text: str, plain: str, place: int, before: list[Token]) -> tuple[Token, int]:
    is_after_operand = bool(before) and (before[-1].sort not in ("op", "word") or before[-1].text in (")", "]"))
    infix = _INFIX.match(plain, place)
    if infix and (is_after_operand or (before and before[-1].text in ("true", "false"))):
        return Token("word", WORDS[infix[0]], place), infix.end()
    instant = _INSTANT.match(plain, place)
    if instant:
        return Token("date", instant[0], place), instant.end()
    number = _NUMBER.match(plain, place)
    if number and _ends_number(plain, number.end(), before):
        return Token("number", number[0], place), number.end()
    name = _NAME.match(plain, place)
    if name is None:
        raise BadDefinition(BAD_CHARACTER, found=text[place], **where(text, place))
    word = WORDS.get(name[0].lower())
    return (Token("word", word, place) if word else Token("name", name[0], place)), name.end()


def _ends_number(plain: str, end: int, before: list[Token]) -> bool:
    """Whether a number really ends here: `2且…` after a comparison does, `30天收藏` is a name."""
    following = plain[end : end + 1]
    if not (following.isalpha() or following == "_"):
        return True
    is_value = bool(before) and before[-1].sort == "op" and before[-1].text not in ("(", ")", "]")
    return is_value and _INFIX.match(plain, end) is not None


def _quoted(text: str, start: int, closers: str, sort: Sort) -> tuple[Token, int]:
    kept: list[str] = []
    place = start + 1
    while place < len(text):
        character = text[place]
        if character == "\\" and place + 1 < len(text):
            kept.append(_ESCAPES.get(text[place + 1], text[place + 1]))
            place += 2
            continue
        if character in closers:
            return Token(sort, "".join(kept), start), place + 1
        kept.append(character)
        place += 1
    raise BadDefinition(UNCLOSED, **where(text, start))


def where(text: str, start: int) -> dict[str, Any]:
    """Line, column (both from 1) and a snippet with a caret under the place; wide characters count two cells.

    >>> print(where("a >\\nb", 4)["snippet"])
    b
    ^
    """
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    column = start - line_start
    cut = max(0, column - 60)
    shown = ("…" if cut else "") + line[cut : column + 40].replace("\t", " ")
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown[: column - cut + bool(cut)])
    return {"line": text.count("\n", 0, start) + 1, "column": column + 1, "snippet": f"{shown}\n{' ' * cells}^"}
