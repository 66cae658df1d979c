"""`why`: why a customer has an answer, for every kind: a tag, a trait, a score. No address is ever said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.app.asking import UNKNOWN_CUSTOMER, ground_at, number_of, shown_name
from limner.app.grounds import Portrait, portrait_of
from limner.app.named import column_names, member_names
from limner.app.privacy.purposes import owners_of
from limner.app.tags.scores import Made, Worth, made_of, worth_of
from limner.core.errors import NotFound, Refused, near, words
from limner.core.ids import customer_id
from limner.core.normal import without_addresses
from limner.core.ours import Model, Property
from limner.core.rule import Aggregate as Summed
from limner.core.rule import And, Compare, Did, Has, Not, Or, Rule, Top, parse, resolve
from limner.core.rule.sentence import sentence
from limner.core.spans import day_of
from limner.flow.tags.base import needs_of
from limner.flow.tags.catalog import Placed, catalog
from limner.flow.tags.evidence import Evidence, evidence, happened
from limner.flow.tags.tag import ground_of, prepare
from limner.flow.tags.taxonomies import trees
from limner.store.gallery.bits import to_bitmap
from limner.store.gallery.numeric import NUMERIC, numbers_at
from limner.store.lake.sql import statement
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.audiences.base import Ground as Audiences

NO_ANSWER = words(
    "why_column_unknown",
    "There is no tag, trait or score {name!r} in the portrait of {asof}. Run `limner tags` to see them.",
)
PERSONAL = words("why_personal", "{actor} may not see {name!r}: it is personal, and asks for the role {role!r}.")
FEATURES = 8


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node of a rule: how deep it stands, what it says in both languages, its answer for the customer, and the
    values it read."""

    depth: int
    zh: str
    en: str
    holds: bool
    read: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Input:
    """An answer that another answer stands on: the column, its value, and the share of customers with a known value
    who have that or less (None: not a number)."""

    column: str
    value: object
    place: float | None = None
    importance: float | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a customer has an answer. `total` rows count for it, `rows` are the newest or heaviest of them; `weight` is
    what all of them weigh; `card` says how good a model is, `made` how a learned chance is made up, `worth` what a
    lifetime value is reckoned from. What does not belong to the kind is empty."""

    customer_id: str
    column: str
    name: str
    kind: str
    asof: datetime
    value: object
    nodes: tuple[NodeAnswer, ...] = ()
    total: int = 0
    rows: tuple[Mapping[str, Any], ...] = ()
    weight: float | None = None
    inputs: tuple[Input, ...] = ()
    card: Mapping[str, object] | None = None
    made: Made | None = None
    worth: Worth | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """What every kind is asked with."""

    shop: Workspace
    found: Portrait
    column: str
    number: int
    limit: int

    def value(self, column: str) -> object:
        """An answer of the customer; None where it is unknown."""
        return self.found.version.column(column).value(self.number) if column in self.found.version.headers else None

    def input(self, column: str, importance: float | None = None) -> Input:
        """An answer, and where it stands among all."""
        value = self.value(column)
        header = self.found.version.headers.get(column)
        if value is None or header is None or header.type not in NUMERIC:
            return Input(column, value, None, importance)
        living = np.asarray(self.found.version.living.to_array(), np.int64)
        day = day_of(self.found.asof, self.shop.settings.zone)
        kept = self.found.version.column(column)
        numbers, mine = numbers_at(kept, living, day), numbers_at(kept, np.array([self.number]), day)[0]
        known = numbers[~np.isnan(numbers)]
        return Input(column, value, float((known <= mine).mean()) if known.size else None, importance)


def why(shop: Workspace, tag: str, customer: str, asof: str | datetime | None = None, *, limit: int = 20) -> Why:
    """Why a customer has a tag, a trait or a score: what was read for it, at the newest portrait or at an asof."""
    found = portrait_of(shop, asof)
    number = number_of(shop, customer)
    scope, here = shop.who.scope, found.version.living | found.version.hidden
    if number not in here or (scope is not None and number not in scope):
        raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))
    case = _Case(shop, found, _column(shop, found, tag), number, limit)
    owners = owners_of(shop.definitions, found.version.headers)
    if case.column in owners:
        placed = catalog(shop.definitions)[owners[case.column]]
        made = _of_tag(case, placed)
    elif (model := _model(shop, case.column)) is not None:
        made = _of_model(case, model)
    else:
        made = _of_trait(case)
    return replace(made, rows=tuple(_safe(row) for row in made.rows))


def _column(shop: Workspace, found: Portrait, name: str) -> str:
    """The column of an id or a display name; of a tag with many columns the one that sums it up."""
    headers, known = found.version.headers, catalog(shop.definitions)
    names = dict(column_names(shop.definitions, known))
    names |= {m.id: (m.name, m.name_en) for m in shop.definitions.of(Model).values()}
    names |= {p.id: (*names.get(p.id, ()), p.name) for p in shop.definitions.of(Property).values()}
    for key in (name, *(key for key, others in names.items() if name and name in others)):
        for column in (key, f"top_{key}"):
            if column in headers and not column.startswith("address."):
                return column
    meant = near(name, [*headers, *(other for others in names.values() for other in others)])
    raise NotFound(NO_ANSWER, near=meant, name=name, asof=found.asof.astimezone(shop.settings.zone).date())


def _model(shop: Workspace, column: str) -> Model | None:
    models = shop.definitions.of(Model)
    return models.get(column) or models.get(column.partition(".")[0])


def _answer(case: _Case, kind: str, name: str) -> Why:
    key = customer_id(case.shop.stores.hash_key, case.number)
    return Why(key, case.column, name, kind, case.found.asof, _said(case.value(case.column)))


def _of_tag(case: _Case, placed: Placed) -> Why:
    shop, found, tag = case.shop, case.found, placed.tag
    types = {name: header.type for name, header in found.version.headers.items()}
    ground = ground_of(shop.stores, found.asof, {"links": found.links}, types)
    ground = replace(ground, trees=trees(shop.definitions))
    part = prepare(shop.definitions, ground, [tag.id]).parts[tag.id]
    made = _answer(case, tag.kind, tag.name or tag.id)
    if tag.kind == "rule":
        return replace(made, nodes=_nodes(case, tag.rule))
    ask = partial(shop.stores.lake.table, versions={"links": found.links})
    told = evidence(tag, part, ground, case.column, case.number, ask=ask, limit=case.limit)
    weight = float(str(made.value)) if tag.kind.startswith("interest") and isinstance(made.value, float) else None
    inputs = tuple(case.input(column) for column in needs_of(part))
    return replace(made, total=told.total, rows=told.rows, weight=weight, inputs=inputs)


def _nodes(case: _Case, text: str) -> tuple[NodeAnswer, ...]:
    ground = ground_at(case.shop, case.found.version, case.found.links, case.found.asof)
    tree = resolve(parse(text), ground.lexicon, text=text)
    labels = {name: (other[0] if other else name) for name, other in _labels(case).items()}
    found: list[NodeAnswer] = []

    def visit(rule: Rule, depth: int) -> None:
        zh, en = sentence(rule, "zh", lambda n: labels.get(n, n)), sentence(rule, "en")
        holds = case.number in to_bitmap(ground.words(rule))
        found.append(NodeAnswer(depth, zh, en, holds, _read(case, ground, rule)))
        parts = rule.parts if isinstance(rule, And | Or) else (rule.part,) if isinstance(rule, Not) else ()
        for part in parts:
            visit(part, depth + 1)

    visit(tree, 0)
    return tuple(found)


def _labels(case: _Case) -> Mapping[str, tuple[str, ...]]:
    definitions = case.shop.definitions
    return column_names(definitions, catalog(definitions), case.found.version.headers)


def _read(case: _Case, ground: Audiences, rule: Rule) -> Mapping[str, object]:
    """What a leaf read of the customer: answers, or how often something happened before the asof."""
    match rule:
        case Has(tag) | Compare(tag) | Top(tag):
            personal = _is_hidden(case.shop, tag)
            return {} if personal else {tag: _said(case.value(tag))}
        case Did(event) | Summed(_, event):
            told = _happened(case, event)
            last = told.rows[0].get("happened_at") if told.rows else None
            return {event: told.total, **({"last": last} if last is not None else {})}
    return {}


def _happened(case: _Case, event: str) -> Evidence:
    shop, found = case.shop, case.found
    ground = ground_of(shop.stores, found.asof, {"links": found.links})
    ask = partial(shop.stores.lake.table, versions={"links": found.links})
    return happened(ground, event, case.number, ask=ask, limit=1)


def _of_model(case: _Case, model: Model) -> Why:
    """The score, how good the model is, and what it weighs most, with where the customer stands in each."""
    made = _answer(case, "model", model.name or model.id)
    version = case.found.version
    card = version.card(model.id) if model.id in version.cards() else {}
    features = sorted(card.get("features", []), key=lambda one: -one["importance"])[:FEATURES]
    inputs = tuple(
        case.input(one["name"], one["importance"]) for one in features if not _is_hidden(case.shop, one["name"])
    )
    kept = ("state", "reason", "horizon_days", "event", "mean_score", "auc", "ece", "calibration", "base_rate")
    told = {name: card[name] for name in kept if card.get(name) is not None}
    return _with_parts(case, model, card, replace(made, inputs=inputs, card=told))


def _with_parts(case: _Case, model: Model, card: Mapping[str, Any], made: Why) -> Why:
    """With what the score of the customer is made up of, where the model was learned."""
    shop, found = case.shop, case.found
    if card.get("state") != "learned" or model.id not in found.version.headers:
        return made
    if "buyers" in card:
        return replace(made, worth=worth_of(shop, found, model, case.number, case.value, float(card["margin"])))
    known = catalog(shop.definitions)
    members = member_names(known, found.version.headers)
    told = {name: (placed.tag.name, placed.tag.name_en) for name, placed in known.items()}
    told |= {name: (declared.name, "") for name, declared in shop.definitions.of(Property).items()} | members
    hidden = {name for name in found.version.headers if _is_hidden(shop, name)}
    parts = made_of(shop, found, model, case.number, case.value, hidden, lambda name: told.get(name, ("", "")))
    return replace(made, made=parts)


def _of_trait(case: _Case) -> Why:
    """Who stated it, when, in which load and row; the newest first."""
    import pyarrow as pa
    from sqlalchemy import select

    shop, found = case.shop, case.found
    if _is_hidden(shop, case.column):
        raise Refused(PERSONAL, actor=shop.who.id, name=case.column, role="personal")
    name = case.column.removesuffix(".lon").removesuffix(".lat")
    query = statement("limner.app.tags", "stated.sql", name=name, asof=found.asof)
    asked = pa.table({"number": pa.array([case.number], pa.int32())})
    rows = shop.stores.lake.table(query, given={"asked": asked}, versions={"links": found.links}).to_pylist()
    with shop.stores.ledger.read() as connection:
        known = connection.execute(
            select(loads.c.load, loads.c.file).where(loads.c.load.in_({r["load"] for r in rows}))
        )
        files = {one.load: one.file for one in known}
    told = [
        {key: value for key, value in {**row, "file": files.get(row["load"], "")}.items() if value not in (None, "")}
        for row in rows
    ]
    declared = shop.definitions.of(Property).get(name)
    made = _answer(case, "stated" if rows else "built", declared.name if declared and declared.name else name)
    return replace(made, total=len(rows), rows=tuple(told[: case.limit]))


def _is_hidden(shop: Workspace, column: str) -> bool:
    declared = shop.definitions.of(Property).get(column)
    return declared is not None and declared.is_personal and not shop.who.may("personal")


def _safe(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _said(value) for name, value in row.items()}


def _said(value: object) -> object:
    return without_addresses(value) if isinstance(value, str) else value
