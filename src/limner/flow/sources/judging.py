"""Why a row cannot be used: the first reason that holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from limner.flow.sources.mapping import MISSING, MONEY_EVENTS, NEEDS, OWNED, Mapped, Part
from limner.flow.sources.names import REFUND
from limner.flow.sources.readings import template
from limner.flow.sources.traces import ERASED

MATCHES_NOTHING = "matches no event"
NO_IDENTIFIER = "no identifier"
FOREIGN = "other currency"


def nothing(kind: str = "VARCHAR") -> exp.Expr:
    """A null of a type."""
    return exp.cast(exp.null(), kind)


def why(mapped: Mapped, shown: frozenset[str]) -> exp.Expr:
    """The first reason a staged row cannot be used, as {reason, label, value}; null when it can.

    Of `shown` readings and identifiers the raw text and the reason are at hand.
    """
    return _Judge(mapped, shown).why()


@dataclass(frozen=True, slots=True)
class _Judge:
    """Why a row cannot be used. Of `shown` readings the raw text and the reason are at hand."""

    mapped: Mapped
    shown: frozenset[str]

    def why(self) -> exp.Expr:
        """The first reason a row cannot be used, as {reason, label, value}; null when it can."""
        mapped = self.mapped
        choice = exp.Case()
        for flag, reason in mapped.rules:
            choice = choice.when(exp.column(flag), _reason(exp.Literal.string(reason), "", nothing()))
        for is_erased, label in self._erased():
            choice = choice.when(is_erased, _reason(exp.Literal.string(ERASED), label, nothing()))
        for part in mapped.parts:
            for test, key, missing in _needed(mapped, part):
                choice = choice.when(test, self._missing(key, missing))
        if not any(mapped.of("events")) and (mapped.traits or any(p.section in OWNED for p in mapped.parts)):
            label = "+".join(n.label for n in mapped.identifiers if not n.is_other)
            no_one = _reason(exp.Literal.string(NO_IDENTIFIER), label, nothing())
            choice = choice.when(exp.column("trace").is_(exp.null()), no_one)
        events = list(mapped.of("events"))
        if events and all(part.flag for part in events):
            flags = [exp.column(part.flag) for part in mapped.parts if part.flag]
            flags += [exp.column("f_cancelled")] if "f_cancelled" in mapped.flags else []
            none = exp.not_(exp.paren(exp.or_(*flags)))
            choice = choice.when(none, _reason(exp.Literal.string(MATCHES_NOTHING), "", nothing()))
        return choice if choice.args.get("ifs") else _reason_null()

    def _erased(self) -> Iterator[tuple[exp.Expr, str]]:
        """Whether a row speaks of somebody who was erased: an identifier says so, and no stronger one says otherwise.

        A row of one person that names a device, or a phone, of another who was erased loses only that value.
        """
        stronger: list[exp.Expr] = []
        for named in (n for n in self.mapped.identifiers if not n.is_other):
            if named.key in self.shown:
                is_erased = exp.column(f"{named.key}_why").eq(exp.Literal.string(ERASED))
                yield exp.and_(is_erased, *(one.copy() for one in stronger)), named.label
            stronger.append(exp.column(f"{named.key}_trace").is_(exp.null()))

    def _missing(self, key: str, missing: str) -> exp.Expr:
        label = self.mapped.readings[key].label
        if key not in self.shown:
            return _reason(exp.Literal.string(missing), label, nothing())
        why = exp.func("coalesce", exp.column(f"{key}_why"), exp.Literal.string(missing))
        return _reason(why, label, exp.column(f"{key}_raw"))


def _reason(reason: exp.Expr, label: str, value: exp.Expr) -> exp.Expr:
    return template("{'reason': :r, 'label': :l, 'value': :v}", r=reason, l=label, v=value)


def _reason_null() -> exp.Expr:
    return template("CAST(NULL AS STRUCT(reason VARCHAR, label VARCHAR, value VARCHAR))")


def _needed(mapped: Mapped, part: Part) -> list[tuple[exp.Expr, str, str]]:
    """(row lacks it, reading, reason) for each value a part cannot do without."""
    taken = exp.column(part.flag) if part.flag else exp.true()
    found: list[tuple[exp.Expr, str, str]] = []

    def lacks(key: str) -> exp.Expr:
        return exp.and_(taken.copy(), exp.column(key).is_(exp.null()))

    if part.section == "events":
        names = ["name", "happened_at", *(["order_id"] if mapped.lines else [])]
        found = [(lacks(part.fields[n]), part.fields[n], MISSING[n]) for n in names if n in part.fields]
        found += _money_needed(mapped, part, taken)
    else:
        for name in NEEDS[part.section]:
            key = part.fields[name]
            found.append((lacks(key), key, MISSING.get(name, f"no {name.replace('_', ' ')}")))
    return found


def _money_needed(mapped: Mapped, part: Part, taken: exp.Expr) -> list[tuple[exp.Expr, str, str]]:
    """An order or refund needs its amount, a line its item; another currency than the workspace's cannot be summed."""
    found: list[tuple[exp.Expr, str, str]] = []
    name = exp.column(part.fields["name"])
    is_money = exp.and_(taken.copy(), exp.In(this=name, expressions=[exp.Literal.string(n) for n in MONEY_EVENTS]))
    if "amount" in part.fields:
        key = part.fields["amount"]
        found.append((exp.and_(is_money.copy(), exp.column(key).is_(exp.null())), key, MISSING["amount"]))
    for field in ("item_id", "amount") if mapped.lines else ():
        key = mapped.lines.fields.get(field, "") if mapped.lines else ""
        if key:
            found.append((exp.and_(taken.copy(), exp.column(key).is_(exp.null())), key, MISSING[field]))
    if "currency" in part.fields:
        key = part.fields["currency"]
        other = exp.NEQ(this=exp.func("upper", exp.column(key)), expression=exp.Literal.string(mapped.currency.upper()))
        found.append((exp.and_(taken.copy(), exp.column(key).is_(exp.null()).not_(), other), key, FOREIGN))
    return found


def signed_amount(name: exp.Expr, amount: exp.Expr) -> exp.Expr:
    """The amount of an event: a refund's without its sign."""
    return template("CASE WHEN :n = :refund THEN abs(:a) ELSE :a END", n=name, a=amount, refund=REFUND)
