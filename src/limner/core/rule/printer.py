"""A rule as text: `parse(text(rule)) == rule` for every rule."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from limner.core.rule.calls import OPTIONS, SPOKEN
from limner.core.rule.tokens import WORDS, tokens
from limner.core.rule.tree import (
    After,
    Aggregate,
    And,
    Compare,
    Did,
    Has,
    In,
    Match,
    Near,
    Not,
    Or,
    Rule,
    Sample,
    Sequence,
    Step,
    Top,
    Value,
    Window,
    exact,
)
from limner.core.rule.windows import Ago, Between, Period
from limner.core.spans import span_text

_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_PLAIN = re.compile(r"[^\W\d](?:[\w./\-·]*\w)?")


def text(rule: Rule) -> str:
    """The shortest text that parses to this rule.

    >>> text(And((Compare("正价占比", "<", Decimal("0.3")), Did("Order Completed", times=2))))
    '正价占比 < 0.3 and did("Order Completed", times=2)'
    """
    match rule:
        case And(parts):
            return " and ".join(_inside(part, And | Or) for part in parts)
        case Or(parts):
            return " or ".join(_inside(part, Or) for part in parts)
        case Not(part):
            return "not " + _inside(part, And | Or)
        case Has(tag):
            return name_text(tag) if _is_plain(tag) else f"has({name_text(tag)})"
        case Compare(tag, op, value):
            return f"{name_text(tag)} {_compared(op, value)}"
        case Did(event, times, within, matching):
            shown = [string(event), *([f"times={times}"] if times != 1 else []), *_window(within)]
            return f"did({', '.join(shown + [_match(m) for m in matching])})"
        case Aggregate(function, event, of, op, value, within, matching):
            shown = [string(event), *([name_text(of)] if of else []), *_window(within), *map(_match, matching)]
            return f"{function}({', '.join(shown)}) {_compared(op, value)}"
        case Sequence(steps, within, without):
            shown = [*map(_step, steps), *_window(within), *(f"without={_step(step)}" for step in without)]
            return f"sequence({', '.join(shown)})"
        case In(audience):
            return f"in audience({string(audience)})"
        case Near(point, radius, tag):
            numbers = ", ".join(value_text(n) for n in (*point, radius))
            return f"near({numbers}{'' if tag == 'place' else f', tag={name_text(tag)}'})"
        case Top(tag, share, is_bottom):
            return f"{'bottom' if is_bottom else 'top'}({name_text(tag)}, {percent(share)})"
        case Sample(share, salt):
            return f"sample({percent(share)}{f', salt={string(salt)}' if salt else ''})"
    raise TypeError(f"{rule!r} is not a rule")


def name_text(name: str) -> str:
    """A name as it stands in text: plain, or in backticks when it could be read as something else."""
    return name if _is_plain(name) else "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def string(value: str) -> str:
    """A quoted string."""
    kept = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{kept}"'


def value_text(value: Value) -> str:
    """A value as it stands in text."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return string(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Ago():
            return str(value)
        case Decimal():
            return format(value, "f")
    return str(value)


def percent(share: Decimal | int) -> str:
    """A share in percent.

    >>> percent(Decimal("0.125"))
    '12.5%'
    """
    return f"{value_text(exact(share * Decimal(100)))}%"


def _window(within: Window | None) -> list[str]:
    match within:
        case None:
            return []
        case timedelta():
            return [f'within="{span_text(within)}"']
        case Between(start, end):
            edges = {"since": start, "until": end}
            return [f"{name}={value_text(edge)}" for name, edge in edges.items() if edge is not None]
        case Period():
            return [f'during="{within}"']
        case After(step):
            return [f"after={_step(step)}"]


def _is_plain(name: str) -> bool:
    if not _PLAIN.fullmatch(name) or name.lower() in WORDS or name.lower() in SPOKEN:
        return False
    found = tokens(name)
    return len(found) == 2 and found[0].sort == "name" and found[0].text == name


def _inside(part: Rule, wrapped: object) -> str:
    inner = text(part)
    return f"({inner})" if isinstance(part, wrapped) else inner  # type: ignore[arg-type]


def _compared(op: str, value: Value | tuple[Value, ...]) -> str:
    shown = f"({', '.join(map(value_text, value))})" if isinstance(value, tuple) else value_text(value)
    return f"{op} {shown}"


def _match(part: Match) -> str:
    name = f"`{part.name}`" if part.name.lower() in OPTIONS else name_text(part.name)
    return f"{name} {_compared(part.op, part.value)}"


def _step(step: Step) -> str:
    if not step.matching:
        return string(step.event)
    return f"step({', '.join([string(step.event), *(_match(m) for m in step.matching)])})"
