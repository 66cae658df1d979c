"""The functions of rule text: `did(…)`, `sum(…) >= 100`, `sequence(…)`, `top(…)` and their options.

did(event, times=, WINDOW, property op value …)       did_not(…)
count(event, WINDOW, property op value …) op value     sum|avg|min|max|first|last|distinct(event, property, …) op value
sequence(event | step(event, …) …, within=, without=)  near(lon, lat, metres, tag=)
top(tag, share)  bottom(tag, share)  sample(share, salt=)
has(tag)  reach(channel)  consent(channel)  in_audience(name)
WINDOW = within="90d" | since=date until=date | during="last month" | after=event
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from limner.core.errors import words
from limner.core.rule.tree import (
    After,
    Aggregate,
    Did,
    Has,
    In,
    Match,
    Near,
    Not,
    Rule,
    Sample,
    Step,
    Top,
    Values,
    Window,
)
from limner.core.rule.tree import Sequence as Steps
from limner.core.rule.windows import Between, period_of

if TYPE_CHECKING:
    from limner.core.rule.parser import Reader
    from limner.core.rule.tokens import Token

TWICE = words("rule_option_twice", "Rule, line {line}, column {column}: {name} is given twice.\n{snippet}")
ONE_WINDOW = words(
    "rule_two_windows",
    "Rule, line {line}, column {column}: {name} stands beside another window. Keep one: within, during, after, or "
    "since and until.\n{snippet}",
)
WANTED_DATE = words(
    "rule_wanted_date", "Rule, line {line}, column {column}: {found} stands where a date such as 2026-01-31 must "
    "stand.\n{snippet}",
)  # fmt: skip

T = TypeVar("T")
Call: TypeAlias = "Callable[[Reader, Token], Rule]"
Option: TypeAlias = "Callable[[Reader], object]"

OPTIONS: Final = {
    **dict.fromkeys(("times", "次数"), "times"),
    **dict.fromkeys(("within", "以内"), "within"),
    **dict.fromkeys(("since", "自"), "since"),
    **dict.fromkeys(("until", "至"), "until"),
    **dict.fromkeys(("during", "期间"), "during"),
    **dict.fromkeys(("after", "之后"), "after"),
    **dict.fromkeys(("without", "其间没有"), "without"),
    **dict.fromkeys(("tag", "标签"), "tag"),
    **dict.fromkeys(("salt", "盐"), "salt"),
}
"""What an option may be called. A property of one of these names stands in backticks."""

WINDOWS: Final = ("within", "since", "until", "during", "after")


@dataclass
class Options:
    """What stood behind the names a call begins with: options, and comparisons of properties."""

    kept: dict[str, object] = field(default_factory=dict)
    matching: list[Match] = field(default_factory=list)
    without: list[Step] = field(default_factory=list)

    @property
    def window(self) -> Window | None:
        """The one window given."""
        if "since" in self.kept or "until" in self.kept:
            return Between(cast("date", self.kept.get("since")), cast("date", self.kept.get("until")))
        return cast("Window | None", next((self.kept[name] for name in WINDOWS if name in self.kept), None))


def options(reader: Reader, among: tuple[str, ...], *, has_matching: bool = True) -> Options:
    """Options `name=value` and comparisons of properties, up to the closing parenthesis, which is taken."""
    found = Options()
    while not reader.is_op(")"):
        reader.need(",")
        token = reader.name()
        option = OPTIONS.get(token.text.lower(), "") if token.sort == "name" else ""
        if option in among:
            _option(reader, token, option, found)
        elif has_matching:
            op, value = reader.comparison(token)
            found.matching.append(reader.placed(token, lambda: Match(token.text, op, value)))  # noqa: B023
        else:
            reader.place -= 1
            reader.unexpected_sign(among)
    reader.need(")")
    return found


def _option(reader: Reader, token: Token, option: str, found: Options) -> None:
    reader.need("=", "==", *((">=",) if option == "times" else ()))
    if option == "without":
        found.without.append(step(reader))
        return
    if option in found.kept:
        reader.fail(TWICE, token, name=token.text)
    others = [name for name in WINDOWS if name in found.kept]
    if option in WINDOWS and others and {option, *others} != {"since", "until"}:
        reader.fail(ONE_WINDOW, token, name=token.text)
    found.kept[option] = _OPTIONS[option](reader)


def _during(reader: Reader) -> object:
    token = reader.name()
    return reader.placed(token, lambda: period_of(token.text))


def _edge(reader: Reader) -> object:
    token = reader.now
    value = reader.value()
    if isinstance(value, str) and len(value) == 10:
        written = value
        value = reader.placed(token, lambda: date.fromisoformat(written))
    if not isinstance(value, date | datetime):
        reader.fail(WANTED_DATE, token, found=repr(token.text))
    return value


_OPTIONS: Final[dict[str, Option]] = {
    "times": lambda reader: reader.whole(),
    "within": lambda reader: reader.span(),
    "since": _edge,
    "until": _edge,
    "during": _during,
    "after": lambda reader: After(step(reader)),
    "tag": lambda reader: reader.name().text,
    "salt": lambda reader: reader.name().text,
}


def step(reader: Reader) -> Step:
    """An event, or `step(event, property op value …)`."""
    token = reader.name()
    if token.sort != "name" or token.text not in ("step", "步骤") or not reader.is_op("("):
        return reader.placed(token, lambda: Step(token.text))
    reader.take()
    event = reader.name().text
    found = options(reader, ())
    return reader.placed(token, lambda: Step(event, tuple(found.matching)))


# ---------------------------------------------------------------------------------------------------- calls


def did(reader: Reader, token: Token) -> Rule:
    """`did(event, times=, WINDOW, …)`."""
    event = reader.name().text
    found = options(reader, ("times", *WINDOWS))
    times = cast("int", found.kept.get("times", 1))
    return reader.placed(token, lambda: Did(event, times, found.window, tuple(found.matching)))


def did_not(reader: Reader, token: Token) -> Rule:
    """`did_not(…)`: not `did(…)`."""
    return Not(did(reader, token))


def _aggregate(function: str) -> Call:
    def call(reader: Reader, token: Token) -> Rule:
        event, of = reader.name().text, ""
        if function != "count":
            reader.need(",")
            of = reader.name().text
        found = options(reader, WINDOWS)
        window, matching = reader.placed(token, lambda: found.window), tuple(found.matching)

        def compared(op: str, value: Values) -> Rule:
            return reader.placed(token, lambda: Aggregate(function, event, of, op, value, window, matching))

        return reader.between(compared) if reader.is_between() else compared(*reader.comparison(token))

    return call


def sequence(reader: Reader, token: Token) -> Rule:
    """`sequence(step, step …, within=, without=)`."""
    steps = [step(reader)]
    while reader.is_op(",") and not _is_option(reader.ahead(1)):
        reader.take()
        steps.append(step(reader))
    found = options(reader, ("within", "without"), has_matching=False)
    within, without = found.kept.get("within"), tuple(found.without)
    return reader.placed(token, lambda: Steps(tuple(steps), within, without))  # type: ignore[arg-type]


def _is_option(token: Token) -> bool:
    return token.sort == "name" and token.text.lower() in OPTIONS


def near(reader: Reader, token: Token) -> Rule:
    """`near(longitude, latitude, metres, tag=)`."""
    numbers = [reader.number()]
    for _ in range(2):
        reader.need(",")
        numbers.append(reader.number())
    tag = cast("str", options(reader, ("tag",), has_matching=False).kept.get("tag", "place"))
    return reader.placed(token, lambda: Near((numbers[0], numbers[1]), numbers[2], tag))


def _top(*, is_bottom: bool) -> Call:
    def call(reader: Reader, token: Token) -> Rule:
        tag = reader.name().text
        reader.need(",")
        share = reader.number()
        reader.need(")")
        return reader.placed(token, lambda: Top(tag, share, is_bottom))

    return call


def sample(reader: Reader, token: Token) -> Rule:
    """`sample(share, salt=)`."""
    share = reader.number()
    salt = cast("str", options(reader, ("salt",), has_matching=False).kept.get("salt", ""))
    return reader.placed(token, lambda: Sample(share, salt))


def _named(make: Callable[[str], Rule]) -> Call:
    def call(reader: Reader, token: Token) -> Rule:
        name = reader.name().text
        reader.need(")")
        return reader.placed(token, lambda: make(name))

    return call


in_audience: Final = _named(In)

CALLS: Final[dict[str, Call]] = {
    "did": did,
    "did_not": did_not,
    **{name: _aggregate(name) for name in ("count", "sum", "avg", "min", "max", "first", "last", "distinct")},
    "sequence": sequence,
    "near": near,
    "top": _top(is_bottom=False),
    "bottom": _top(is_bottom=True),
    "sample": sample,
    "has": _named(Has),
    "reach": _named(lambda channel: Has(f"reach.{channel}")),
    "consent": _named(lambda channel: Has(f"consent.{channel}")),
    "in_audience": in_audience,
}
"""Every function by its name."""

SPOKEN: Final = {
    **{name: name for name in CALLS},
    **dict.fromkeys(("做过", "发生过"), "did"),
    **dict.fromkeys(("没做过", "未做过", "没有做过"), "did_not"),
    **dict.fromkeys(("次数", "计数"), "count"),
    **dict.fromkeys(("合计", "总和"), "sum"),
    "平均": "avg",
    "最小": "min",
    "最大": "max",
    "首次": "first",
    "最近": "last",
    **dict.fromkeys(("去重", "不同"), "distinct"),
    "先后": "sequence",
    "附近": "near",
    "最高": "top",
    "最低": "bottom",
    **dict.fromkeys(("抽样", "随机"), "sample"),
    "有": "has",
    "可触达": "reach",
    **dict.fromkeys(("同意", "已同意"), "consent"),
    **dict.fromkeys(("audience", "属于客群"), "in_audience"),
}
"""What the functions may be called."""
