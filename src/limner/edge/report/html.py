"""A small builder of HTML: what is text is escaped, always; only what the builder made is markup.

>>> el("b", "1 < 2", title='"').text
'<b title="&quot;">1 &lt; 2</b>'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "col", "hr", "img", "link", "meta"})
_EMPTY_SVG = frozenset({"rect", "line", "circle", "path", "polyline", "polygon"})


@dataclass(frozen=True, slots=True)
class Markup:
    """Finished HTML. Only this module and `el` make it."""

    text: str


Part: TypeAlias = "Markup | str | int | Iterable[Part] | None"


def el(tag: str, *parts: Part, **attributes: object) -> Markup:
    """An element. Attributes that are None or False are left out, True ones stand alone.

    A trailing underscore falls away (`class_`), other underscores become hyphens (`stroke_width`).
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Markup(f"<{tag}{written}>")
    if tag in _EMPTY_SVG and not parts:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{_inside(parts)}</{tag}>")


def join(*parts: Part) -> Markup:
    """Several parts in a row."""
    return Markup(_inside(parts))


def style(css: str) -> Markup:
    """A style sheet of our own; a value of a customer must never stand in one."""
    return Markup(f"<style>{css.replace('</', '')}</style>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    plain = name.rstrip("_").replace("_", "-").replace("viewbox", "viewBox")
    return f" {plain}" if value is True else f' {plain}="{escape(str(value))}"'


def _inside(parts: Part) -> str:
    if parts is None:
        return ""
    if isinstance(parts, Markup):
        return parts.text
    if isinstance(parts, str):
        return escape(parts)
    if isinstance(parts, int):
        return str(parts)
    return "".join(_inside(part) for part in parts)
