"""The parser of rule text: precedence not > and > or, written by hand so that an error can point at its place.

rule       = conjunction { "or" conjunction }
conjunction= negation { "and" negation }
negation   = "not" negation | "(" rule ")" | call | comparison | name
comparison = name op value | name "in" "(" value { "," value } ")" | "in" "audience" "(" name ")"
call       = did(event, times=, within=, property op value …) | sequence(event | step(event, …) …, within=)
           | near(lon, lat, metres, tag=) | has(tag) | in_audience(name)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn, TypeVar

from limner.core.errors import BadDefinition, BadInput, Words, near, words
from limner.core.rule.tokens import WORDS, Token, tokens, where
from limner.core.rule.tree import (
    DEPTH,
    TOO_DEEP,
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
    Step,
    Value,
    check_size,
)
from limner.core.rule.tree import Sequence as Steps
from limner.core.spans import parse_span

EMPTY = words("rule_empty", "The rule is empty. Write a condition such as recency_days > 60.")
_AT = "Rule, line {line}, column {column}: "
WANTED_JOINT = words("rule_wanted_joint", _AT + "{found} stands where 'and', 'or' or <end> must stand.\n{snippet}")
WANTED_SIGN = words("rule_wanted_sign", _AT + "{found} stands where {signs} must stand.\n{snippet}")
WANTED_CONDITION = words("rule_wanted_condition", _AT + "{found} stands where a condition must stand.\n{snippet}")
WANTED_COMPARISON = words(
    "rule_wanted_comparison", _AT + "{found} stands where {name!r} must be compared, by == or > say.\n{snippet}"
)
WANTED_VALUE = words("rule_wanted_value", _AT + "{found} stands where a value must stand.\n{snippet}")
WANTED_QUOTES = words(
    "rule_wanted_quotes", _AT + '{found} stands where a value must stand. Text stands in quotes: "{name}".\n{snippet}'
)
WANTED_NUMBER = words("rule_wanted_number", _AT + "{found} stands where a number must stand.\n{snippet}")
WANTED_WHOLE = words("rule_wanted_whole", _AT + "{found} stands where a whole number must stand.\n{snippet}")
WANTED_NAME = words("rule_wanted_name", _AT + "{found} stands where a name must stand, in quotes.\n{snippet}")
WANTED_SPAN = words("rule_wanted_span", _AT + '{found} stands where a span such as "90d" must stand.\n{snippet}')
UNKNOWN_CALL = words(
    "rule_call_unknown", "Rule, line {line}, column {column}: there is no function {name!r}. Known: {known}.\n{snippet}"
)
TWICE = words("rule_option_twice", "Rule, line {line}, column {column}: {name} is given twice.\n{snippet}")
# `why` is an error of its own, said in the same language.
REFUSED = words("rule_place", "Rule, line {line}, column {column}: {why}\n{snippet}")

COMPARISONS: Final = ("==", "=", "!=", "<", "<=", ">", ">=")
CALLS: Final = {
    **dict.fromkeys(("did", "做过", "发生过"), "did"),
    **dict.fromkeys(("sequence", "先后"), "sequence"),
    **dict.fromkeys(("near", "附近"), "near"),
    **dict.fromkeys(("has", "有"), "has"),
    **dict.fromkeys(("in_audience", "audience", "属于客群"), "in_audience"),
}
_OPTIONS: Final = {"times": "times", "within": "within", "次数": "times", "以内": "within"}
T = TypeVar("T")


def parse(text: str) -> Rule:
    """Read rule text into a tree.

    >>> parse("近30天收藏次数 >= 2 and 正价占比 < 0.3")
    And(parts=(Compare(tag='近30天收藏次数', op='>=', value=2), Compare(tag='正价占比', op='<', value=Decimal('0.3'))))
    >>> parse("orders >= 3 adn vip")
    Traceback (most recent call last):
    limner.core.errors.BadDefinition: Rule, line 1, column 13: 'adn' stands where 'and', 'or' or <end> must stand.
    orders >= 3 adn vip
                ^ Did you mean 'and'?
    """
    if not text.strip():
        raise BadDefinition(EMPTY)
    reader = _Reader(text, tokens(text))
    rule = reader.rule()
    if reader.now.sort != "end":
        reader.unexpected(WANTED_JOINT, among=("and", "or", "in", "且", "或"))
    return check_size(rule)


def find_name(text: str, name: str) -> int | None:
    """Where a name first stands in rule text; None when it does not."""
    return next((t.start for t in tokens(text) if t.text == name and t.sort in ("name", "quoted", "string")), None)


@dataclass
class _Reader:
    text: str
    found: list[Token]
    place: int = 0
    depth: int = 0

    @property
    def now(self) -> Token:
        """The token that is read next."""
        return self.found[self.place]

    def take(self) -> Token:
        token = self.now
        self.place += 1
        return token

    def is_op(self, *ops: str) -> bool:
        return self.now.sort == "op" and self.now.text in ops

    def is_word(self, word: str) -> bool:
        return self.now.sort == "word" and self.now.text == word

    def fail(self, code: Words, token: Token, near: tuple[str, ...] = (), **params: object) -> NoReturn:
        raise BadDefinition(code, near=near, **where(self.text, token.start), **params)

    def unexpected(self, code: Words, among: tuple[str, ...] = (), **params: object) -> NoReturn:
        token = self.now
        found = "<end>" if token.sort == "end" else repr(token.text)
        self.fail(code, token, near=near(token.text.lower(), among), found=found, **params)

    def need(self, *ops: str) -> Token:
        if not self.is_op(*ops):
            self.unexpected(WANTED_SIGN, signs=" / ".join(map(repr, ops)))
        return self.take()

    def placed(self, token: Token, make: Callable[[], T]) -> T:
        """Build a node; an error of the node itself is told with the place it stands at."""
        try:
            return make()
        except (BadDefinition, BadInput) as error:
            if "snippet" in error.params:
                raise
            self.fail(REFUSED, token, why=error)

    def rule(self) -> Rule:
        return self._joined("or", Or, lambda: self._joined("and", And, self.negation))

    def _joined(self, word: str, node: type[And] | type[Or], part: Callable[[], Rule]) -> Rule:
        parts = [part()]
        while self.is_word(word):
            self.take()
            parts.append(part())
        return node(tuple(parts)) if len(parts) > 1 else parts[0]

    def negation(self) -> Rule:
        self.depth += 1
        if self.depth > DEPTH:
            self.fail(REFUSED, self.now, why=BadDefinition(TOO_DEEP, bound=DEPTH))
        rule = self._negation()
        self.depth -= 1
        return rule

    def _negation(self) -> Rule:
        if self.is_word("not"):
            self.take()
            return Not(self.negation())
        if self.is_op("("):
            self.take()
            rule = self.rule()
            self.need(")")
            return rule
        if self.is_word("in"):
            return self._in_audience()
        return self._named()

    def _in_audience(self) -> Rule:
        self.take()
        if self.now.sort != "name" or CALLS.get(self.now.text.lower()) != "in_audience":
            self.unexpected(WANTED_SIGN, among=("audience",), signs="audience(…)")
        start = self.take()
        self.need("(")
        return self._call_in_audience(start)

    def _named(self) -> Rule:
        token = self.now
        if token.sort not in ("name", "quoted"):
            self.unexpected(WANTED_CONDITION, among=("not", "did", "has", "in"))
        self.take()
        if token.sort == "name" and self.is_op("("):
            return self._call(token)
        if self.is_word("in") or self.is_op(*COMPARISONS):
            op, value = self.comparison()
            return self.placed(token, lambda: Compare(token.text, op, value))
        if not (self.now.sort == "end" or self.is_op(")") or self.is_word("and") or self.is_word("or")):
            among = (*COMPARISONS, *WORDS) if self.now.sort == "name" else ()
            self.unexpected(WANTED_COMPARISON, among=among, name=token.text)
        return self.placed(token, lambda: Has(token.text))

    def comparison(self) -> tuple[str, Value | tuple[Value, ...]]:
        op = self.take().text
        if op == "in":
            return op, self._list()
        return ("==" if op == "=" else op), self.value()

    def _list(self) -> tuple[Value, ...]:
        closer = ")" if self.need("(", "[").text == "(" else "]"
        if self.is_op(closer):
            self.take()
            return ()
        kept = [self.value()]
        while self.is_op(","):
            self.take()
            kept.append(self.value())
        self.need(closer)
        return tuple(kept)

    def value(self) -> Value:
        token = self.now
        if token.sort == "word" and token.text in ("true", "false"):
            return self.take().text == "true"
        if token.sort == "name":
            self.unexpected(WANTED_QUOTES, among=("true", "false"), name=token.text)
        if token.sort not in ("string", "number", "date"):
            self.unexpected(WANTED_VALUE)
        self.take()
        if token.sort == "number":
            return self.placed(token, lambda: _number(token.text))
        if token.sort == "date":
            return self.placed(token, lambda: _date(token.text))
        return token.text

    def name(self, code: Words = WANTED_NAME) -> Token:
        if self.now.sort not in ("name", "quoted", "string"):
            self.unexpected(code)
        return self.take()

    def _call(self, token: Token) -> Rule:
        call = CALLS.get(token.text.lower())
        known = "did, sequence, near, has, in_audience"
        if call is None:
            self.fail(
                UNKNOWN_CALL, token, near=near(token.text.lower(), CALLS), name=token.text, known=", ".join(known)
            )
        self.take()
        calls: dict[str, Callable[[Token], Rule]] = {
            "did": self._call_did,
            "sequence": self._call_sequence,
            "near": self._call_near,
            "has": self._call_has,
            "in_audience": self._call_in_audience,
        }
        return calls[call](token)

    def _call_has(self, token: Token) -> Rule:
        tag = self.name().text
        self.need(")")
        return self.placed(token, lambda: Has(tag))

    def _call_in_audience(self, token: Token) -> Rule:
        audience = self.name().text
        self.need(")")
        return self.placed(token, lambda: In(audience))

    def _call_did(self, token: Token) -> Rule:
        event = self.name().text
        options = self._options({"times": self._times, "within": self._span})
        times, within = options.kept.get("times", 1), options.kept.get("within")
        return self.placed(token, lambda: Did(event, times, within, tuple(options.matching)))  # type: ignore[arg-type]

    def _call_sequence(self, token: Token) -> Rule:
        steps = [self._step()]
        within: timedelta | None = None
        while not self.is_op(")"):
            self.need(",")
            if self.now.sort == "name" and _OPTIONS.get(self.now.text) == "within" and within is None:
                self.take()
                self.need("=")
                within = self._span()
            elif within is not None:
                self.unexpected(WANTED_SIGN, signs="')'")
            else:
                steps.append(self._step())
        self.need(")")
        return self.placed(token, lambda: Steps(tuple(steps), within))

    def _step(self) -> Step:
        token = self.name()
        if token.sort != "name" or token.text not in ("step", "步骤") or not self.is_op("("):
            return self.placed(token, lambda: Step(token.text))
        self.take()
        event = self.name().text
        options = self._options({})
        return self.placed(token, lambda: Step(event, tuple(options.matching)))

    def _call_near(self, token: Token) -> Rule:
        numbers = [self._number()]
        for _ in range(2):
            self.need(",")
            numbers.append(self._number())
        tag = "place"
        if self.is_op(","):
            self.take()
            if self.now.text != "tag":
                self.unexpected(WANTED_SIGN, among=("tag",), signs="tag=")
            self.take()
            self.need("=")
            tag = self.name().text
        self.need(")")
        return self.placed(token, lambda: Near((numbers[0], numbers[1]), numbers[2], tag))

    def _number(self) -> Decimal | int:
        if self.now.sort != "number":
            self.unexpected(WANTED_NUMBER)
        return _number(self.take().text)

    def _times(self) -> int:
        token = self.now
        number = self._number()
        if not isinstance(number, int):
            self.fail(WANTED_WHOLE, token, found=repr(token.text))
        return number

    def _span(self) -> timedelta:
        token = self.name(WANTED_SPAN)
        return self.placed(token, lambda: parse_span(token.text))

    def _options(self, readers: dict[str, Callable[[], object]]) -> _Options:
        """Options `name=value` and property comparisons, up to the closing parenthesis."""
        options = _Options()
        while not self.is_op(")"):
            self.need(",")
            token = self.name()
            option = _OPTIONS.get(token.text) if token.sort == "name" else None
            if option in readers:
                self.need("=", "==", *((">=",) if option == "times" else ()))
                if option in options.kept:
                    self.fail(TWICE, token, name=token.text)
                options.kept[str(option)] = readers[str(option)]()
                continue
            if not (self.is_word("in") or self.is_op(*COMPARISONS)):
                self.unexpected(WANTED_COMPARISON, name=token.text)
            op, value = self.comparison()
            options.matching.append(self.placed(token, lambda: Match(token.text, op, value)))  # noqa: B023
        self.need(")")
        return options


@dataclass
class _Options:
    kept: dict[str, object] = field(default_factory=dict)
    matching: list[Match] = field(default_factory=list)


def _number(text: str) -> Decimal | int:
    number = Decimal(text)
    return int(number) if "." not in text and "e" not in text.lower() and len(text) <= 31 else number


def _date(text: str) -> date | datetime:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise BadInput(BAD_DATE, text=text) from None


BAD_DATE = words("rule_date_bad", "The date {text!r} does not exist.")
