"""The parser of rule text: precedence not > and > or, written by hand so that an error can point at its place.

rule       = conjunction { "or" conjunction }
conjunction= negation { "and" negation }
negation   = "not" negation | "(" rule ")" | call | comparison | name
comparison = name op value | name ["not"] "in" "(" value { "," value } ")" | name "between" value "and" value
           | name ("contains" | "starts_with" | "ends_with") text | "in" "audience" "(" name ")"
value      = text | number ["%"] | date | true | false | today() | ago(span) | ahead(span)
call       = see `calls`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn, TypeVar

from limner.core.errors import BadDefinition, BadInput, Words, near, words
from limner.core.rule.calls import CALLS, SPOKEN, in_audience
from limner.core.rule.tokens import WORDS, Token, tokens, where
from limner.core.rule.tree import DEPTH, TOO_DEEP, And, Compare, Has, Not, Or, Rule, Value, check_size
from limner.core.rule.windows import Ago, ago
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
# `why` is an error of its own, said in the same language.
REFUSED = words("rule_place", "Rule, line {line}, column {column}: {why}\n{snippet}")

COMPARISONS: Final = ("==", "=", "!=", "<", "<=", ">", ">=")
TEXTUAL: Final = {
    **dict.fromkeys(("contains", "包含"), "contains"),
    **dict.fromkeys(("starts_with", "开头为"), "starts_with"),
    **dict.fromkeys(("ends_with", "结尾为"), "ends_with"),
}
BETWEEN: Final = ("between", "介于")
AGO: Final = {"ago": False, "前": False, "ahead": True, "后": True}
TODAY: Final = ("today", "今天")
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
    reader = Reader(text, tokens(text))
    rule = reader.rule()
    if reader.now.sort != "end":
        reader.unexpected(WANTED_JOINT, among=("and", "or", "in", "且", "或"))
    return check_size(rule)


def find_name(text: str, name: str) -> int | None:
    """Where a name first stands in rule text; None when it does not."""
    return next((t.start for t in tokens(text) if t.text == name and t.sort in ("name", "quoted", "string")), None)


@dataclass
class Reader:
    """What has been read of a text, and where it goes on."""

    text: str
    found: list[Token]
    place: int = 0
    depth: int = 0

    @property
    def now(self) -> Token:
        """The token that is read next."""
        return self.found[self.place]

    def ahead(self, steps: int) -> Token:
        """The token so many places on; the last one where the text ends before."""
        return self.found[min(self.place + steps, len(self.found) - 1)]

    def take(self) -> Token:
        """The next token, which is read."""
        token = self.now
        self.place += 1
        return token

    def is_op(self, *ops: str) -> bool:
        """Whether the next token is one of some signs."""
        return self.now.sort == "op" and self.now.text in ops

    def is_word(self, word: str) -> bool:
        """Whether the next token is a word of the language."""
        return self.now.sort == "word" and self.now.text == word

    def is_said(self, *names: str) -> bool:
        """Whether the next token is a plain name of these."""
        return self.now.sort == "name" and self.now.text.lower() in names

    # errors

    def fail(self, code: Words, token: Token, near: tuple[str, ...] = (), **params: object) -> NoReturn:
        """An error at a token."""
        raise BadDefinition(code, near=near, **where(self.text, token.start), **params)

    def unexpected(self, code: Words, among: tuple[str, ...] = (), **params: object) -> NoReturn:
        """The error that the next token may not stand here; `among` is what may have been meant."""
        token = self.now
        found = "<end>" if token.sort == "end" else repr(token.text)
        self.fail(code, token, near=near(token.text.lower(), among), found=found, **params)

    def unexpected_sign(self, among: tuple[str, ...]) -> NoReturn:
        """The error that one of some options, or the end of the call, must stand here."""
        self.unexpected(WANTED_SIGN, among=among, signs=" / ".join([*(f"{name}=" for name in among), "')'"]))

    def need(self, *ops: str) -> Token:
        """The next token, which must be one of some signs."""
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
        except ValueError as error:
            self.fail(REFUSED, token, why=error)

    # conditions

    def rule(self) -> Rule:
        """A whole rule."""
        return self._joined("or", Or, lambda: self._joined("and", And, self.negation))

    def _joined(self, word: str, node: type[And] | type[Or], part: Callable[[], Rule]) -> Rule:
        parts = [part()]
        while self.is_word(word):
            self.take()
            parts.append(part())
        return node(tuple(parts)) if len(parts) > 1 else parts[0]

    def negation(self) -> Rule:
        """A condition, or `not` one."""
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
        if self.now.sort != "name" or SPOKEN.get(self.now.text.lower()) != "in_audience":
            self.unexpected(WANTED_SIGN, among=("audience",), signs="audience(…)")
        start = self.take()
        self.need("(")
        return in_audience(self, start)

    def _named(self) -> Rule:
        token = self.now
        if token.sort not in ("name", "quoted"):
            self.unexpected(WANTED_CONDITION, among=("not", "did", "has", "in"))
        self.take()
        if token.sort == "name" and self.is_op("("):
            return self._call(token)
        if self.is_between():
            return self.between(lambda op, value: self.placed(token, lambda: Compare(token.text, op, value)))
        if self.is_word("not") and self.ahead(1).text == "in" and self.ahead(1).sort == "word":
            self.take()
            op, value = self.comparison(token)
            return And((Has(token.text), Not(self.placed(token, lambda: Compare(token.text, op, value)))))
        if self._is_comparison():
            op, value = self.comparison(token)
            return self.placed(token, lambda: Compare(token.text, op, value))
        if not (self.now.sort == "end" or self.is_op(")") or self.is_word("and") or self.is_word("or")):
            among = (*COMPARISONS, *WORDS, *TEXTUAL, *BETWEEN) if self.now.sort == "name" else ()
            self.unexpected(WANTED_COMPARISON, among=among, name=token.text)
        return self.placed(token, lambda: Has(token.text))

    def _call(self, token: Token) -> Rule:
        call = SPOKEN.get(token.text.lower())
        if call is None:
            known = ", ".join(CALLS)
            self.fail(UNKNOWN_CALL, token, near=near(token.text.lower(), SPOKEN), name=token.text, known=known)
        self.take()
        return CALLS[call](self, token)

    # comparisons and values

    def _is_comparison(self) -> bool:
        return self.is_word("in") or self.is_op(*COMPARISONS) or self.is_said(*TEXTUAL)

    def comparison(self, token: Token) -> tuple[str, Value | tuple[Value, ...]]:
        """An operator and its value; `token` is what is compared."""
        if not self._is_comparison():
            self.unexpected(WANTED_COMPARISON, name=token.text)
        op = self.take().text
        if op == "in":
            return op, self._list()
        op = TEXTUAL.get(op.lower(), op)
        return ("==" if op == "=" else op), self.value()

    def is_between(self) -> bool:
        """Whether `between` follows."""
        return self.is_said(*BETWEEN)

    def between(self, make: Callable[[str, Value], Rule]) -> Rule:
        """`between a and b`, both included."""
        self.take()
        low = self.value()
        if not (self.is_word("and") or self.is_said("和", "到", "至")):
            self.unexpected(WANTED_SIGN, signs="'and'")
        self.take()
        return And((make(">=", low), make("<=", self.value())))

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
        """A value."""
        token = self.now
        if token.sort == "word" and token.text in ("true", "false"):
            return self.take().text == "true"
        if token.sort == "name":
            return self._moment()
        if token.sort not in ("string", "number", "date"):
            self.unexpected(WANTED_VALUE)
        if token.sort == "number":
            return self.number()
        self.take()
        if token.sort == "date":
            return self.placed(token, lambda: _date(token.text))
        return token.text

    def _moment(self) -> Ago:
        """`today()`, `ago(span)` or `ahead(span)`."""
        token, name = self.now, self.now.text.lower()
        if self.ahead(1).text != "(" or (name not in AGO and name not in TODAY):
            self.unexpected(WANTED_QUOTES, among=("true", "false"), name=token.text)
        self.place += 2
        if name in TODAY:
            self.need(")")
            return Ago()
        told = self.name(WANTED_SPAN)
        self.need(")")
        return self.placed(told, lambda: ago(told.text, is_ahead=AGO[name]))

    def name(self, code: Words | None = None) -> Token:
        """A name, plain or in quotes."""
        if self.now.sort not in ("name", "quoted", "string"):
            self.unexpected(code or WANTED_NAME)
        return self.take()

    def number(self) -> Decimal | int:
        """A number; with a percent sign a hundredth of it."""
        token = self.now
        if token.sort != "number":
            self.unexpected(WANTED_NUMBER)
        self.take()
        number = self.placed(token, lambda: _number(token.text))
        if self.is_op("%"):
            self.take()
            return number / Decimal(100)
        return number

    def whole(self) -> int:
        """A whole number."""
        token = self.now
        number = self.number()
        if not isinstance(number, int):
            self.fail(WANTED_WHOLE, token, found=repr(token.text))
        return number

    def span(self) -> timedelta:
        """A span such as "90d"."""
        token = self.name(WANTED_SPAN)
        return self.placed(token, lambda: parse_span(token.text))


def _number(text: str) -> Decimal | int:
    number = Decimal(text)
    return int(number) if "." not in text and "e" not in text.lower() and len(text) <= 31 else number


def _date(text: str) -> date | datetime:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise BadInput(BAD_DATE, text=text) from None


BAD_DATE = words("rule_date_bad", "The date {text!r} does not exist.")
