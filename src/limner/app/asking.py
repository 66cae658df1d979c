"""The questions: audiences, tags and customers, over a published portrait."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.app.grounds import Portrait, kept_apart, portrait_of
from limner.core.errors import NotFound, words
from limner.core.ids import customer_id, identifier_hash
from limner.core.normal import identifier, masked, safe_cell
from limner.core.ours import Audience, Profile
from limner.core.rule import text as rule_text
from limner.flow.audiences.base import Ground
from limner.flow.audiences.behaviour import LakeBehaviour, said, seen_events
from limner.flow.audiences.count import count
from limner.flow.audiences.listing import page
from limner.flow.audiences.overlap import Overlap, overlap
from limner.flow.audiences.portrait import Portrait as TgiPortrait
from limner.flow.audiences.portrait import portrait, portraits
from limner.flow.audiences.select import select
from limner.flow.audiences.vocabulary import vocabulary
from limner.flow.sources.names import names as event_names
from limner.flow.tags.catalog import catalog, named
from limner.flow.tags.tag import ground_of, lineage_of
from limner.flow.tags.tag import said as tag_said
from limner.store.definitions import load_kinds
from limner.store.gallery.reader import LeafCache

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.workspace import Workspace
    from limner.core.rule import Rule
    from limner.store.gallery import Draft, Version

UNKNOWN_CUSTOMER = words(
    "customer_unknown",
    "There is no customer {customer!r}. Give a customer id, or an identifier such as member_no:M1.",
)

_CACHE = LeafCache()
_PAGE = 100_000


def ground_at(shop: Workspace, version: Version, links: str, asof: datetime) -> Ground:
    """What rules are read on: a version, the words they may use, and the lake for behaviour."""
    definitions = shop.definitions
    lexicon = vocabulary(
        version,
        definitions,
        shop.stores.lake.tables()["events"],
        shop.settings.zone,
        names=_display_names(catalog(definitions)),
        event_names=event_names(),
        seen=lambda: seen_events(shop.stores.lake),
    )
    behaviour = LakeBehaviour(shop.stores.lake, links, asof, lexicon, shop.stores.lake.catalog.seq())
    return Ground(version, definitions, lexicon, asof, behaviour, _CACHE)


def _display_names(known: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(n for n in (p.tag.name, p.tag.name_en) if n) for name, p in known.items()}


def _ground(shop: Workspace, found: Portrait) -> Ground:
    return ground_at(shop, found.version, found.links, found.asof)


def rule_members(shop: Workspace, rule: str | Rule, found: Portrait) -> BitMap:
    """The living customers a rule holds for."""
    from limner.store.gallery.bits import to_bitmap

    ground = _ground(shop, found)
    return to_bitmap(ground.words(ground.rule(rule)))


def members_of(shop: Workspace, audience: str, found: Portrait) -> BitMap:
    """The members of a named audience."""
    return _ground(shop, found).members(audience)


def select_all(shop: Workspace, draft: Draft, asof: datetime, links: str) -> dict[str, int]:
    """Write the members of every audience into a draft."""
    if not shop.definitions.of(Audience):
        return {}
    ground = ground_at(shop, draft.view().without(kept_apart(shop, links)), links, asof)
    return dict(select(ground, draft, who=shop.who, tell=shop.tell).members)


@dataclass(frozen=True, slots=True)
class Counted:
    """The size of an audience, and how long the question took."""

    rule: str
    asof: datetime
    count: int
    identified: int
    anonymous: int
    reachable: Mapping[str, int]
    elapsed_ms: float


def audience_count(
    shop: Workspace, rule: str, asof: str | datetime | None = None, *, sql: str | None = None
) -> Counted | str:
    """Count an audience: a rule or a name; or its SQL in a dialect."""
    found = portrait_of(shop, asof)
    ground = _ground(shop, found)
    if sql:
        return said(_opened(ground, rule), ground, sql)
    began = time.perf_counter()
    result = count(ground, rule, who=shop.who)
    elapsed = round((time.perf_counter() - began) * 1000, 3)
    return Counted(
        result.rule, result.asof, result.count, result.identified, result.anonymous, result.reachable, elapsed
    )


def _opened(ground: Ground, asked: str) -> Any:
    """The rule of a text, or of the audience it names."""
    from limner.core.rule import In

    rule = ground.rule(asked)
    return ground.rule_for(rule.audience) or rule if isinstance(rule, In) else rule


@dataclass(frozen=True, slots=True)
class Listed:
    """Customers of an audience, or the file they were written into."""

    asof: datetime
    total: int
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object]]
    file: str = ""


def audience_list(
    shop: Workspace, rule: str, asof: str | datetime | None = None, *, limit: int = 20, output: Path | None = None
) -> Listed:
    """The customers of an audience: the first of them, or all of them in a CSV file that a spreadsheet may open."""
    found = portrait_of(shop, asof)
    ground = _ground(shop, found)
    columns = _listed_columns(found.version)
    if output is not None:
        return _written(shop, ground, rule, columns, output)
    result = page(ground, rule, who=shop.who, key=shop.stores.hash_key, columns=columns, limit=limit)
    return Listed(result.asof, result.total, result.columns, result.rows)


def _listed_columns(version: Version) -> tuple[str, ...]:
    wanted = ("recency_days", "orders", "net_spend", "lifecycle_stage", "rfm")
    return tuple(name for name in wanted if name in version.headers)


def _written(shop: Workspace, ground: Ground, rule: str, columns: tuple[str, ...], output: Path) -> Listed:
    fresh = output.with_name(f".{output.name}.part")
    total = after = 0
    with fresh.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", *columns])
        cursor: int | None = -1
        while cursor is not None:
            part = page(
                ground,
                rule,
                who=shop.who,
                key=shop.stores.hash_key,
                columns=columns,
                limit=_PAGE,
                after=cursor,
            )
            writer.writerows([[safe_cell(row.get(name, "")) for name in part.columns] for row in part.rows])
            total, after, cursor = part.total, after + len(part.rows), part.after
            shop.tell(after, total, "list")
    fresh.replace(output)
    return Listed(ground.asof, total, ("customer_id", *columns), (), str(output))


@dataclass(frozen=True, slots=True)
class Shown:
    """An audience: its rule as text, and its size."""

    id: str
    name: str
    rule: str
    counted: Counted


def audience_show(shop: Workspace, rule: str, asof: str | datetime | None = None) -> Shown:
    """The rule of an audience, in the one way it is written, and its size."""
    found = portrait_of(shop, asof)
    ground = _ground(shop, found)
    counted = audience_count(shop, rule, asof)
    asked = ground.rule(rule)
    name = getattr(asked, "audience", "")
    known = shop.definitions.of(Audience).get(name)
    opened = _opened(ground, rule)
    return Shown(name, known.name if known else "", rule_text(opened), counted)  # type: ignore[arg-type]


def audience_overlap(shop: Workspace, rules: Sequence[str], asof: str | datetime | None = None) -> Overlap:
    """How audiences overlap, two by two."""
    return overlap(_ground(shop, portrait_of(shop, asof)), list(rules), who=shop.who)


def audience_portrait(
    shop: Workspace, rule: str, asof: str | datetime | None = None, *, base: str | None = None
) -> TgiPortrait:
    """What sets an audience apart from a base: TGI with intervals."""
    return portrait(_ground(shop, portrait_of(shop, asof)), rule, base, who=shop.who)


def audience_portraits(
    shop: Workspace, rules: Sequence[str], asof: str | datetime | None = None
) -> tuple[TgiPortrait, ...]:
    """What sets each of several audiences apart from everybody."""
    return portraits(_ground(shop, portrait_of(shop, asof)), rules, who=shop.who)


@dataclass(frozen=True, slots=True)
class TagShown:
    """A tag: what it asks, what it reads, and how its answers are spread at the asof."""

    id: str
    name: str
    description: str
    kind: str
    path: str
    over: str
    reads: tuple[str, ...]
    events: tuple[str, ...]
    stands_on: tuple[str, ...]
    version: str
    known: int
    customers: int
    spread: Mapping[str, int]


def tag(shop: Workspace, name: str, asof: str | datetime | None = None, *, sql: str | None = None) -> TagShown | str:
    """What a tag asks and how it is answered; or its whole SELECT in a dialect."""
    definitions = shop.definitions
    placed = named(catalog(definitions), name)
    if sql:
        at = _asof(shop, asof)
        return tag_said(definitions, ground_of(shop.stores, at), placed.tag.id, sql)
    found = portrait_of(shop, asof)
    lineage = lineage_of(definitions, ground_of(shop.stores, found.asof, {"links": found.links}), placed.tag.id)
    known, spread = _spread(shop, found, placed.tag.id)
    return TagShown(
        id=placed.tag.id,
        name=placed.tag.name,
        description=placed.tag.description,
        kind=placed.tag.kind,
        path=placed.tag.path,
        over=lineage.over,
        reads=lineage.columns,
        events=lineage.events,
        stands_on=lineage.tags,
        version=placed.version,
        known=known,
        customers=len(found.version.living),
        spread=spread,
    )


def _asof(shop: Workspace, asof: str | datetime | None) -> datetime:
    from limner.core.spans import midnight, parse_instant

    if isinstance(asof, str):
        return parse_instant(asof, shop.settings.zone)
    return asof or midnight(shop.clock(), shop.settings.zone)


def _spread(shop: Workspace, found: Portrait, name: str) -> tuple[int, dict[str, int]]:
    from limner.store.gallery.bits import count as size_of

    if name not in found.version.headers:
        return 0, {}
    result = portrait(_ground(shop, found), "is_identified or not is_identified", who=shop.who, columns=[name])
    known = size_of(found.version.column(name).known(found.version.size) & found.version.living_words)
    return known, {trait.answer: round(trait.group * trait.group_share) for trait in result.traits}


def number_of(shop: Workspace, customer: str) -> int:
    """The number of a customer id, or of an identifier written KIND:VALUE, in the newest portrait."""
    found = portrait_of(shop)
    kind, colon, raw = customer.partition(":")
    if colon:
        return _by_identifier(shop, found, kind, raw, customer)
    key = shop.stores.hash_key
    for number in found.version.living | found.version.hidden:
        if customer_id(key, number) == customer:
            return number
    raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))


def _by_identifier(shop: Workspace, found: Portrait, kind: str, raw: str, customer: str) -> int:
    import pyarrow as pa

    from limner.store.lake.sql import statement

    normal = identifier(kind, raw, load_kinds(shop.stores.ledger).of(kind))
    if normal.value:
        hashed = identifier_hash(shop.stores.hash_key, normal.kind, normal.value)
        rows = shop.stores.lake.table(
            statement("limner.app", "number_of.sql", kind=normal.kind),
            given={"asked": pa.table({"hash": pa.array([hashed], pa.binary())})},
            versions={"links": found.links},
        )
        if rows.num_rows:
            return int(rows["number"][0].as_py())
    raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))


def shown_name(customer: str) -> str:
    """What a customer was asked for by, as it may stand in a message: addresses are masked.

    >>> shown_name("phone:13812349876"), shown_name("c2abc")
    ('phone:138****76', 'c2abc')
    """
    return masked(customer)


def customer_show(shop: Workspace, customer: str, asof: str | datetime | None = None) -> Profile:
    """One customer as known at the newest portrait, or at an asof. Addresses never stand in it."""
    from limner.core.ours import Property

    found = portrait_of(shop, asof)
    number = number_of(shop, customer)
    scope, here = shop.who.scope, found.version.living | found.version.hidden
    if number not in here or (scope is not None and number not in scope):
        raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))
    row = found.version.row(number)
    personal = {name for name, p in shop.definitions.of(Property).items() if p.is_personal}
    if not shop.who.may("personal"):
        row = {name: value for name, value in row.items() if name not in personal}
    tagged = {name for name, header in found.version.headers.items() if header.version}
    hidden = ("address.", "reach.")
    return Profile(
        customer_id=customer_id(shop.stores.hash_key, number),
        number=number,
        asof=found.asof,
        is_identified=bool(row.get("is_identified", False)),
        traits={n: v for n, v in row.items() if n not in tagged and not n.startswith(hidden) and n != "is_identified"},
        tags={n: v for n, v in row.items() if n in tagged},
        consents={n.removeprefix("reach."): bool(v) for n, v in row.items() if n.startswith("reach.")},
    )
