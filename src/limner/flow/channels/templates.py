"""Liquid templates, held to what a message needs.

A name that has no value for a customer never becomes empty text: `render` raises, and the message is released with the
name as its reason, unless the template gives a default (`{{ name | default: "顾客" }}`) or asks first
(`{% if name %}…{% else %}…{% endif %}`). Templates read no files and no clock, and loops and output are bounded.
Values are escaped for the medium; control and direction marks in them are taken out.
"""

from __future__ import annotations

import functools
import html
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal

from limner.core.errors import BadDefinition, BadInput, near, words

if TYPE_CHECKING:
    from liquid import BoundTemplate, Environment
    from liquid.exceptions import LiquidError

UNREADABLE = words("template_unreadable", "{place}: line {line}, column {column}: the template cannot be read: {why}.")
UNKNOWN_NAME = words(
    "template_name_unknown",
    "{place}: line {line}, column {column}: the template uses {name!r}, which is no tag, trait or word of a message.",
)
UNKNOWN_PIECE = words(
    "template_piece_unknown", "{place}: line {line}, column {column}: a template has no {what} {name!r}."
)
NO_VALUE = words(
    "template_value_missing",
    "{place}: {name} has no value for this customer. Write {{{{ {name} | default: '…' }}}} to send other words.",
)
NOT_RENDERED = words("template_not_rendered", "{place}: the template cannot be rendered for this customer: {why}.")

Medium = Literal["plain", "line", "html"]
"""plain: an SMS, a file cell, a JSON text. line: a subject, kept to one line. html: values are escaped."""

TAGS: Final = frozenset({"if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "#"})
"""The tags a template may use. `include` and `render` read other files, `echo` and `liquid` hide outputs."""

_CLOCK: Final = frozenset({"now", "today"})
_REFUSED_FILTERS: Final = frozenset(
    {"safe", "escapejs", "base64_encode", "base64_decode", "base64_url_safe_encode", "base64_url_safe_decode"}
)
_OUTPUT_BYTES, _LOOPS, _LOCAL_BYTES = 256 * 1024, 1_000, 64 * 1024
_NOTHING = frozenset({"", "null", "none", "nan", "nil", "undefined", "#n/a"})
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINK_NAME = re.compile(r"(?:^|_)(?:url|link)$|链接$")
_LINKS = ("url", "link", "链接")
_LINK = re.compile(r"(?:https?|weixin|alipays?)://[^\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `names` are the roots it needs from outside: tags, traits, words of the message."""

    place: str
    medium: Medium
    source: str
    names: frozenset[str]
    compiled: BoundTemplate
    pieces: tuple[str | tuple[str, ...], ...] | None = None

    def render(self, values: Mapping[str, object]) -> str:
        """The text for one customer; `values` have gone through `clean`.

        A missing value and a failing filter are BadInput, named by `template_value_missing` and
        `template_not_rendered`.
        """
        joined = self._joined(values)
        if joined is not None:
            return joined
        from liquid.exceptions import LiquidError, UndefinedError

        try:
            text = self.compiled.render(values)
        except UndefinedError as error:
            raise BadInput(NO_VALUE, place=self.place, name=_missing_name(error)) from None
        except (LiquidError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise BadInput(NOT_RENDERED, place=self.place, why=_why(error)) from None
        return " ".join(text.split()) if self.medium == "line" else text

    def _joined(self, values: Mapping[str, object]) -> str | None:
        """What `render` answers for a template of fixed words and plain names that are all text, ten times faster."""
        if self.pieces is None:
            return None
        said = []
        for piece in self.pieces:
            if isinstance(piece, str):
                said.append(piece)
                continue
            value: object = values
            for name in piece:
                value = value.get(name) if isinstance(value, Mapping) else None
            if type(value) is not str:
                return None
            said.append(_escaped(value) if self.medium == "html" else value)
        text = "".join(said)
        return " ".join(text.split()) if self.medium == "line" else text


def _escaped(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def compiled(
    source: str, *, place: str, medium: Medium, zone: tzinfo, among: Collection[str] | None = None
) -> Template:
    """Compile a template and check every name, tag and filter in it.

    `among` are the names it may use (None: any, for templates that were checked when they were applied); `zone` is
    the one dates are written in. An unknown name is BadDefinition with line, column and near names.

    >>> from datetime import UTC
    >>> letter = compiled("亲爱的{{ 姓名 }}", place="offers/a.yaml: text", medium="plain", zone=UTC, among=["姓名"])
    >>> letter.render({"姓名": "王小明"}), sorted(letter.names)
    ('亲爱的王小明', ['姓名'])
    """
    from liquid.exceptions import LiquidError

    environment = _environment(medium, zone)
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        template = environment.from_string(source)
        analysis = template.analyze(include_partials=False)
    except (LiquidError, RecursionError) as error:
        raise _unreadable(error, source, place) from None
    for what, found, known in (("tag", analysis.tags, TAGS), ("filter", analysis.filters, environment.filters)):
        for name, spans in found.items():
            if name not in known:
                line, column = _place_of(source, spans[0].index)
                raise BadDefinition(
                    UNKNOWN_PIECE, near=near(name, known), place=place, line=line, column=column, what=what, name=name
                )
    for name, uses in analysis.globals.items():
        if name not in among if among is not None else name in _CLOCK:
            line, column = _place_of(source, uses[0].span.index)
            meant = near(name, among or ())
            raise BadDefinition(UNKNOWN_NAME, near=meant, place=place, line=line, column=column, name=name)
    return Template(place, medium, source, frozenset(analysis.globals), template, _pieces(template))


def _pieces(template: BoundTemplate) -> tuple[str | tuple[str, ...], ...] | None:
    """The template as fixed words and paths of plain names, when it is nothing else."""
    from liquid.builtin.content import ContentNode
    from liquid.builtin.expressions import FilteredExpression, Path
    from liquid.builtin.output import OutputNode

    found: list[str | tuple[str, ...]] = []
    for node in template.nodes:
        said = node.expression if isinstance(node, OutputNode) else None
        if isinstance(node, ContentNode):
            found.append(node.text)
        elif isinstance(said, FilteredExpression) and not said.filters and isinstance(said.left, Path):
            names = tuple(name for name in said.left.path if isinstance(name, str))
            if len(names) != len(said.left.path):
                return None
            found.append(names)
        else:
            return None
    return tuple(found)


def clean(values: Mapping[str, object], *, brackets: bool = True) -> dict[str, object]:
    """The values a template may see: those that say something, without marks that steer a screen or a header.

    Absent, blank, not-a-number and the words `null`, `None`, `NaN` a bad export leaves are dropped. Values named
    `…_url`, `…_link` or `…链接` must be web or app links. `brackets=False` takes 【】 out, which sign an SMS.

    >>> clean({"name": " 王\\u202e\\n", "city": "NULL", "orders": 0, "shop_url": "javascript:alert(1)"})
    {'name': '王', 'orders': 0}
    """
    kept = {}
    for name, value in values.items():
        plain = _cleaned(value, brackets=brackets)
        if plain is not None and (not name.endswith(_LINKS) or _may_be_named(name, plain)):
            kept[name] = plain
    return kept


def _may_be_named(name: str, value: object) -> bool:
    """Whether a value may bear a name that promises a link."""
    return not _LINK_NAME.search(name) or (isinstance(value, str) and _LINK.fullmatch(value) is not None)


def _cleaned(value: object, *, brackets: bool) -> object:
    if isinstance(value, str):
        text = (value if value.isprintable() else _CONTROL.sub("", _DIRECTION.sub("", value))).strip()
        text = text if text.isascii() else unicodedata.normalize("NFC", text)
        if not brackets:
            text = text.replace("【", "").replace("】", "")
        return None if text.casefold() in _NOTHING else text
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): v for k, v in clean(value, brackets=brackets).items()}
    if isinstance(value, list | tuple):
        return [v for v in (_cleaned(v, brackets=brackets) for v in value) if v is not None]
    return value


@functools.cache
def _environment(medium: Medium, zone: tzinfo) -> Environment:
    from liquid import Environment
    from liquid.undefined import FalsyStrictUndefined

    class Held(Environment):
        loop_iteration_limit = _LOOPS
        output_stream_limit = _OUTPUT_BYTES
        local_namespace_limit = _LOCAL_BYTES
        block_nesting_limit = 10

    held = Held(undefined=FalsyStrictUndefined, strict_filters=True, autoescape=medium == "html")
    held.filters["date"] = functools.partial(_date, zone)
    for name in _REFUSED_FILTERS:
        del held.filters[name]
    for name, body in held.filters.items():
        held.filters[name] = _default if name == "default" else _strict(body)
    return held


def _strict(body: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that fails on a missing value: most of Liquid's turn one into 0 or into nothing."""

    def strict(*operands: Any, **named: Any) -> Any:
        for operand in (*operands, *named.values()):
            _need(operand)
        return body(*operands, **named)

    for flag in ("with_context", "with_environment"):
        if getattr(body, flag, False):
            setattr(strict, flag, True)
    return strict


def _need(operand: object) -> None:
    from liquid.undefined import is_undefined

    if operand is None or is_undefined(operand):
        raise _undefined(getattr(operand, "msg", "a value is undefined"))


def _default(value: object, instead: object = None, *, allow_false: bool = False) -> object:
    from liquid.undefined import is_undefined

    is_empty = value is None or is_undefined(value) or value in ("", [], {}) or (value is False and not allow_false)
    if not is_empty:
        return value
    if instead is None or (isinstance(instead, str) and not instead.strip()):
        raise _undefined(getattr(value, "msg", "a value is undefined"))
    return instead  # itself undefined: a further default may follow, and putting it out fails


def _date(zone: tzinfo, value: object, pattern: str) -> str:
    """A date in the workspace's zone. `value` is an ISO date or instant; `now` is not known here."""
    try:
        moment = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{str(value)[:40]!r} is no ISO date") from None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return moment.strftime(str(pattern))


def _undefined(message: str) -> LiquidError:
    from liquid.exceptions import UndefinedError

    return UndefinedError(message, token=None)


def _missing_name(error: LiquidError) -> str:
    return str(error.message).removesuffix(" is undefined").strip("'\"")


def _why(error: Exception) -> str:
    return str(getattr(error, "message", error))[:200] or type(error).__name__


def _unreadable(error: Exception, source: str, place: str) -> BadDefinition:
    token = getattr(error, "token", None)
    line, column = _place_of(source, max(getattr(token, "start_index", 0), 0))
    return BadDefinition(UNREADABLE, place=place, line=line, column=column, why=_why(error))


def _place_of(source: str, index: int) -> tuple[int, int]:
    before = source[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1
