"""What a file is, and the mapping that follows: members, orders, order lines, events, items, sites or consents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from limner.core.normal import amount, yes_no
from limner.flow.sources.looks import IDENTIFIERS, Column, Look

_OFF = re.compile(r"关闭|取消|作废|未付|待付|失败|cancel|clos|void|fail|unpaid|pending|declin", re.I)
_BACK = re.compile(r"退款|退货|refund|return", re.I)
_GONE_BACK = re.compile(
    r"(退款|退货|售后)\S*(成功|完成)|已退|(全额|部分)退款|^refunded|^returned|refund(ed)? (succe|complet)", re.I
)
"""A status that says money went back; one that is asked for, refused or under way does not."""
_TRAITS = ("gender", "birthday", "city", "province", "country", "level", "points", "shop")
_FEW = 60
"""Different values of a column that may still be a trait."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a file cannot tell by itself, the answers there are, the one assumed, and the file."""

    id: str
    words: str
    options: tuple[str, ...]
    answer: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a file seems to be, the mapping's body, remarks by column, what was guessed in words, and what was asked."""

    shape: str
    body: Mapping[str, Any]
    told: tuple[str, ...]
    questions: tuple[Question, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)


def guess(look: Look, answers: Mapping[str, str] | None = None) -> Guess | None:
    """The best guess at what a file is; None when no column says who or what it is about."""
    made = _Guessing(look, answers or {})
    who = made.identifiers()
    if look.column("order_id") and (look.column("paid", "payable", "price", "refunded", "quantity")) and made.dates():
        return made.orders(who)
    if look.column("refunded") and look.column("refunded_at") and look.column("order_id", "refund_id"):
        return made.returns(who)
    if who and look.column("via") and made.dates() and made.consenting():
        return made.consents(who)
    if who and look.column("event") and made.dates():
        return made.events(who)
    if look.column("item_id") and not who and look.column("item_name", "price", "list_price", "cost", "category"):
        return made.items()
    if look.column("site_id", "shop") and (look.column("longitude") or look.column("org")) and not who:
        return made.sites()
    if who and look.column("paid", "payable") and made.dates():
        return made.orders(who)
    return made.members(who) if who else None


class _Guessing:
    def __init__(self, look: Look, answers: Mapping[str, str]) -> None:
        self.look, self.answers = look, answers
        self.told: list[str] = []
        self.asked: list[Question] = []
        self.remarks: dict[str, str] = {}

    def finish(self, shape: str, body: Mapping[str, Any]) -> Guess:
        """The guess, with the open questions in the mapping."""
        whole = dict(body)
        if self.asked:
            whole["ask"] = {
                q.id: {"question": q.words, "options": list(q.options), "answer": q.answer} for q in self.asked
            }
        told = [f"{name}: {why}" for name, why in self.remarks.items()]
        return Guess(shape, whole, (*self.told, *told), tuple(self.asked), dict(self.remarks))

    def ask(self, key: str, words: str, options: list[str], default: str) -> str:
        """Ask a question unless it has one answer only; the answer given, or the default."""
        if len(options) < 2:
            return default
        answer = self.answers.get(key, default)
        self.asked.append(
            Question(key, words, tuple(options), answer if answer in options else default, self.look.path.name)
        )
        return self.asked[-1].answer

    def say(self, column: Column | None, role: str) -> None:
        """Remark what a column is taken for, and why."""
        if column is not None:
            mark = "" if column.is_sure else " (guess)"
            self.remarks[column.name] = f"{role}{mark}; {column.why}" if column.why else f"{role}{mark}"

    def take(self, *roles: str) -> str:
        """The column of the first role that is there, remarked upon."""
        name = self.look.column(*roles)
        if name:
            self.say(self.look.columns[name], self.look.columns[name].role)
        return name

    def identifiers(self) -> dict[str, str]:
        """Identifier kinds and their columns."""
        found = {c.role: c.name for c in self.look.all(*IDENTIFIERS) if c.filled > 0}
        for name in found.values():
            self.say(self.look.columns[name], self.look.columns[name].role)
        return found

    def dates(self) -> list[str]:
        """Columns that may say when an order or act happened, the best first."""
        return [c.name for c in self.look.all("paid_at", "happened_at", "created_at", "closed_at", "joined_at")]

    def when(self) -> Any:
        """The date to use; asked when there are several."""
        dates = self.dates()
        chosen = self.ask("date", "Which date says when it happened?", dates, dates[0])
        column = self.look.columns[chosen]
        self.say(column, "happened_at")
        return self.stamp(chosen)

    def stamp(self, name: str) -> Any:
        """A date column, with the order of day and month when the year does not lead."""
        order = self.look.columns[name].order
        if order == "ymd":
            return name
        chosen = self.ask(f"day_month_{name}", f"Is 1/2/2026 in {name} the 1st of February (dmy) or January 2nd (mdy)?",
                          ["dmy", "mdy"], order)  # fmt: skip
        return {"column": name, "order": chosen}

    # shapes

    def events(self, who: Mapping[str, str]) -> Guess:
        """A file of acts: one event per row."""
        self.told.append("one event per row")
        event: dict[str, Any] = {"name": self.take("event"), "happened_at": self.when()}
        if self.look.column("item_id", "item_name"):
            event["item_id"] = self.take("item_id", "item_name")
        event |= {role: self.take(role) for role in ("category", "session", "via") if self.look.column(role)}
        if self.look.column("order_id"):
            event["order_id"] = self.take("order_id")
        if self.look.column("paid", "payable"):
            event["amount"] = self.take("paid", "payable")
        return self.finish("events", {"identifiers": dict(who), "events": [event]})

    def returns(self, who: Mapping[str, str]) -> Guess:
        """A file of refunds: one per row."""
        self.told.append("one refund per row")
        event: dict[str, Any] = {
            "name": {"constant": "Order Refunded"},
            "happened_at": self.stamp(self.take("refunded_at")),
        }
        for name, role in (("event_id", "refund_id"), ("order_id", "order_id"), ("item_id", "item_id")):
            if self.look.column(role):
                event[name] = self.take(role)
        event["amount"] = self.take("refunded")
        rule = f"refunded = {event['amount']}, on the day the money went back"
        body: dict[str, Any] = {"identifiers": dict(who)} if who else {}
        return self.finish("refunds", {**body, "events": [event], "money": rule})

    def consenting(self) -> str:
        """The column that says whether a customer allowed something; empty when none reads as yes or no."""
        names = [c.name for c in self.look.all("granted", "status")]
        return next((n for n in names if all(yes_no(v) is not None for v in self.look.columns[n].most)), "")

    def consents(self, who: Mapping[str, str]) -> Guess:
        """A list of what customers allowed and refused."""
        self.told.append("one statement of consent per row")
        granted = self.consenting()
        self.say(self.look.columns[granted], "granted")
        body: dict[str, Any] = {"channel": self.take("via"), "granted": granted, "happened_at": self.when()}
        for name in ("purpose", "uses", "proof"):
            if self.look.column(name):
                body[name] = self.take(name)
        return self.finish("consents", {"identifiers": dict(who), "consents": [body]})

    def members(self, who: Mapping[str, str]) -> Guess:
        """A list of people: traits."""
        self.told.append("one person per row")
        traits: dict[str, Any] = {role: self.trait(role) for role in _TRAITS if self.look.column(role)}
        for column in self.look.columns.values():
            few = len(column.most) < 8 or column.distinct * column.filled * len(self.look.rows) <= _FEW
            is_word = column.amounts < 0.5 and column.stamps < 0.5
            if not column.role and column.filled > 0.05 and few and is_word:
                traits[column.name] = column.name
                self.remarks[column.name] = "trait (guess); few different values"
        since = self.look.column("joined_at", "created_at", "happened_at")
        body: dict[str, Any] = {"identifiers": dict(who), "traits": traits} if traits else {"identifiers": dict(who)}
        if since:
            body["traits_at"] = self.stamp(since)
            self.say(self.look.columns[since], "since when")
            traits.setdefault("joined_at", {"column": since, "type": "date", **_order_of(body["traits_at"])})
            body["traits"] = traits
        return self.finish("members", body)

    def trait(self, role: str) -> Any:
        """A trait's field by its role."""
        name = self.take(role)
        if role == "gender":
            return {"column": name, "words": _genders(self.look.columns[name])}
        if role == "birthday":
            return {"column": name, "type": "date", **_order_of(self.stamp(name))}
        if role == "points":
            return {"column": name, "type": "number"}
        return name

    def items(self) -> Guess:
        """A list of goods."""
        self.told.append("one item per row")
        body = {"item_id": self.take("item_id")}
        for name, roles in (("name", ("item_name",)), ("category", ("category",)), ("price", ("list_price", "price")),
                            ("cost", ("cost",)), ("on_sale_at", ("on_sale_at",))):  # fmt: skip
            if self.look.column(*roles):
                body[name] = self.take(*roles)
        return self.finish("items", {"items": body})

    def sites(self) -> Guess:
        """A list of stores."""
        self.told.append("one store per row")
        body = {"site_id": self.take("site_id", "shop")}
        for name, role in (("name", "shop"), ("org", "org"), ("longitude", "longitude"), ("latitude", "latitude")):
            if self.look.column(role) and self.look.column(role) != body["site_id"]:
                body[name] = self.take(role)
        return self.finish("sites", {"sites": body})

    def orders(self, who: Mapping[str, str]) -> Guess:
        """Orders, one per row or with their lines."""
        order_id = self.look.column("order_id")
        item = self.look.column("item_id") or self.look.column("item_name")
        has_lines = bool(order_id and item and self.look.columns[order_id].distinct < 0.98)
        self.told.append("one order line per row" if has_lines else "one order per row")
        money = self.money()
        per_order = bool(money and has_lines and _repeats(self.look, order_id, money))
        paid: dict[str, Any] = {"name": {"constant": "Order Completed"}, "happened_at": self.when()}
        if order_id:
            paid["order_id"] = self.take("order_id")
        if money and (not has_lines or per_order):
            paid["amount"] = money
        paid |= self.order_properties()
        body: dict[str, Any] = {"identifiers": dict(who)} if who else {}
        events, cancelled = self.refunds(paid, money, has_lines=has_lines)
        body |= {"cancelled": cancelled} if cancelled else {}
        body["events"] = events
        if has_lines:
            body["lines"] = self.lines(item, "" if per_order else money)
        places = {role: self.take(role) for role in ("country", "province", "city") if who and self.look.column(role)}
        if places:
            body["traits"] = places
        body["money"] = self.rule(money, events)
        if "original_order" in {c.role for c in self.look.columns.values() if c.name in self.remarks}:
            body["optional"] = [self.look.column("original_order")]
        return self.finish("order-lines" if has_lines else "orders", body)

    def money(self) -> str:
        """The column that says what was paid; asked when another says what was payable."""
        paid, payable = self.look.column("paid"), self.look.column("payable")
        options = [name for name in (paid, payable) if name]
        if not options:
            return ""
        chosen = self.ask(
            "money", "Which column is the money received for the order (paid, not payable)?", options, options[0]
        )
        self.say(self.look.columns[chosen], "money received")
        return chosen

    def order_properties(self) -> dict[str, Any]:
        found = {name: self.take(name) for name in ("coupon", "coupon_amount", "discount") if self.look.column(name)}
        return {"properties": found} if found else {}

    def lines(self, item: str, money: str) -> dict[str, Any]:
        """The lines of orders."""
        self.say(self.look.columns[item], "item_id")
        body: dict[str, Any] = {"item_id": item}
        for name in ("quantity", "list_price", "price", "category"):
            if self.look.column(name):
                body[name] = self.take(name)
        return body | ({"amount": money} if money else {})

    def refunds(
        self, paid: dict[str, Any], money: str, *, has_lines: bool
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Orders and refunds as events, and which rows count as cancelled; asked how refunds show."""
        status = self.look.column("status")
        off = [v for v in self.look.columns[status].most if _OFF.search(v) and not _BACK.search(v)] if status else []
        back = self.look.column("refunded")
        signed = next((n for n in (self.look.column("quantity"), money) if n and self.look.columns[n].negative > 0), "")
        said, words = self.gone_back()
        by_status = f"rows where {said} says {' or '.join(words)}"
        options = [*([f"rows with a negative {signed}"] if signed else []), *([f"the column {back}"] if back else []),
                   *([by_status] if words and money else []), "this file shows none"]  # fmt: skip
        how = self.ask("refunds", "How do refunds show?", options, options[0])
        keeps: dict[str, Any] = {}
        if off:
            keeps[status] = off
            self.say(self.look.columns[status], f"rows saying {' or '.join(off)} count as cancelled")
        events = [paid]
        if signed and how.endswith(signed):
            events.append(_refund(paid, {**self.gone_order(paid), "matching": {signed: {"under": 0}}}))
            paid["matching"] = {"not": {signed: {"under": 0}}}
        elif back and how.endswith(back):
            when = self.look.column("refunded_at")
            more: dict[str, Any] = {"matching": {back: {"over": 0}}, "amount": back}
            more |= {"is_amount_per_line": True} if has_lines else {}
            more |= {"happened_at": self.stamp(when)} if when else {}
            events.append(_refund(paid, more))
            self.say(self.look.columns[back], "refunded" + ("" if when else ", dated like the order"))
        elif words and how == by_status:
            events.append(self.refund_by_status(paid, said, words, money, has_lines=has_lines))
        for event in events if keeps else ():
            event["matching"] = {**event.get("matching", {}), **_without(event.get("matching", {}), keeps)}
        return events, keeps

    def gone_order(self, paid: Mapping[str, Any]) -> dict[str, str]:
        """Whose money goes back, when rows of refunds have a number of their own and name the order they belong to."""
        if not self.look.column("original_order") or "order_id" not in paid:
            return {}
        return {"event_id": paid["order_id"], "order_id": self.take("original_order")}

    def gone_back(self) -> tuple[str, list[str]]:
        """The column whose words say that money went back, and those words; empty when none does."""
        for column in self.look.all("refund_status", "status"):
            words = [value for value in column.most if _GONE_BACK.search(value)]
            if words:
                return column.name, words
        return "", []

    def refund_by_status(
        self, paid: Mapping[str, Any], said: str, words: list[str], money: str, *, has_lines: bool
    ) -> dict[str, Any]:
        """The refund of rows whose status says so: the whole amount, for the file gives no other."""
        when = self.look.column("refunded_at")
        more: dict[str, Any] = {"matching": {said: words}, "amount": paid.get("amount", money)}
        more |= {"is_amount_per_line": True} if has_lines and "amount" not in paid else {}
        more |= {"happened_at": self.stamp(when)} if when else {}
        dated = "" if when else ", dated like the order"
        self.say(self.look.columns[said], f"rows saying {' or '.join(words)} are refunds of the whole amount{dated}")
        return _refund(paid, more)

    def rule(self, money: str, events: list[dict[str, Any]]) -> str:
        """The rule of paid, refunded and net in words."""
        received = money or "quantity × price"
        if len(events) == 1:
            return f"paid = {received}; no refunds in this file; net = paid"
        return (
            f"paid = {received}; refunded = the refund rows, without their sign, on their date; net = paid − refunded"
        )


def _refund(paid: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in paid.items() if key in ("happened_at", "order_id", "amount")}
    return {"name": {"constant": "Order Refunded"}, **plain, **more}


def _without(matching: Mapping[str, Any], off: Mapping[str, Any]) -> dict[str, Any]:
    """A condition that also leaves out rows of a status; two `not` become one over any of them."""
    if "not" not in matching:
        return {"not": dict(off)}
    return {"not": {"any": [matching["not"], dict(off)]}}


def _order_of(stamp: object) -> dict[str, str]:
    return {"order": stamp["order"]} if isinstance(stamp, dict) else {}


def _genders(column: Column) -> dict[str, str]:
    known = {"女": "female", "男": "male", "f": "female", "m": "male", "female": "female", "male": "male"}
    return {v: known[v.lower()] for v in column.most if v.lower() in known}


def _repeats(look: Look, order: str, money: str) -> bool:
    """Whether an amount is the order's, repeated on each of its lines, rather than the line's own."""
    found: dict[str, list[Decimal | None]] = {}
    for row in look.rows:
        found.setdefault(row[order], []).append(amount(row[money]).value)
    several = [values for values in found.values() if len(values) > 1]
    return bool(several) and sum(len(set(values)) == 1 for values in several) > 0.9 * len(several)
