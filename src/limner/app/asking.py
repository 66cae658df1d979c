"""The questions: audiences, tags and customers, over a published portrait."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.app.auditing import note
from limner.app.grounds import Portrait, kept_apart, portrait_of
from limner.app.members import Member, listed_members, opened
from limner.app.named import column_names
from limner.app.privacy.purposes import binding_of
from limner.app.saved import frozen_of, keep_frozen
from limner.app.selectors import ask_of, barred_from, shelf_of
from limner.core.errors import NotFound, words
from limner.core.ids import customer_id, identifier_hash
from limner.core.normal import identifier, masked, safe_cell, without_addresses
from limner.core.ours import Audience, Profile
from limner.core.purposes import ANY, listed
from limner.core.purposes import said as said_purposes
from limner.core.rule import text as rule_text
from limner.flow.audiences.base import Ground
from limner.flow.audiences.behaviour import LakeBehaviour, said, seen_events
from limner.flow.audiences.count import count
from limner.flow.audiences.listing import page
from limner.flow.audiences.overlap import Overlap, overlap
from limner.flow.audiences.portrait import Portrait as TgiPortrait
from limner.flow.audiences.portrait import portrait, portraits
from limner.flow.audiences.select import Selected, select
from limner.flow.audiences.vocabulary import vocabulary
from limner.flow.sources.names import names as event_names
from limner.flow.tags.axes import names_of
from limner.flow.tags.catalog import catalog, named
from limner.flow.tags.tag import ground_of, lineage_of
from limner.flow.tags.tag import said as tag_said
from limner.store.definitions import load_kinds
from limner.store.gallery.column import CONTACT
from limner.store.gallery.leaves import LeavesOf

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.tags.pages import TagPage
    from limner.app.workspace import Workspace
    from limner.core.rule import Rule
    from limner.core.rule.lexicon import Type
    from limner.store.gallery import Draft, Version

UNKNOWN_CUSTOMER = words(
    "customer_unknown",
    "There is no customer {customer!r}. Give a customer id, or an identifier such as member_no:M1.",
)

_PAGE = 100_000


def ground_at(
    shop: Workspace,
    version: Version,
    links: str,
    asof: datetime,
    stop: Callable[[], None] | None = None,
    *,
    is_run: bool = False,
) -> Ground:
    """What rules are read on: a version, the words they may use, and the lake for behaviour. `stop` is asked before
    every condition. Only a run keeps what selectors learn."""
    definitions = shop.definitions
    lexicon = vocabulary(
        version,
        definitions,
        shop.stores.lake.tables()["events"],
        shop.settings.zone,
        names=column_names(definitions, catalog(definitions), version.headers),
        event_names=event_names(),
        seen=lambda: seen_events(shop.stores.lake),
    )
    frozen = frozen_of(shop, version)
    behaviour = LakeBehaviour(shop.stores.lake, links, asof, lexicon, shop.stores.lake.catalog.seq())
    return Ground(
        version,
        definitions,
        lexicon,
        asof,
        behaviour,
        LeavesOf(shop.leaves, version, stop),
        shelf=shelf_of(shop, is_run=is_run),
        ask=ask_of(shop, links),
        frozen=frozen,
        barred=barred_from(shop, version, links, asof),
    )


def _ground(shop: Workspace, found: Portrait, stop: Callable[[], None] | None = None) -> Ground:
    return ground_at(shop, found.version, found.links, found.asof, stop)


def rule_members(shop: Workspace, rule: str | Rule, found: Portrait) -> BitMap:
    """The living customers a rule holds for."""
    from limner.store.gallery.bits import to_bitmap

    ground = _ground(shop, found)
    return to_bitmap(ground.words(ground.rule(rule)))


def members_of(shop: Workspace, audience: str, found: Portrait) -> BitMap:
    """The members of a named audience."""
    return _ground(shop, found).members(audience)


def select_all(shop: Workspace, draft: Draft, asof: datetime, links: str) -> Selected:
    """Write the members of every audience into a draft."""
    ground = ground_at(shop, draft.view().without(kept_apart(shop, links)), links, asof, is_run=True)
    keep_frozen(shop, ground)
    ground = ground.with_frozen(frozen_of(shop, ground.version))
    return select(ground, draft, who=shop.who, tell=shop.tell)


@dataclass(frozen=True, slots=True)
class Counted:
    """The size of an audience (None: too few to tell), and how long the question took."""

    rule: str
    asof: datetime
    count: int | None
    identified: int | None
    anonymous: int | None
    reachable: Mapping[str, int | None]
    elapsed_ms: float


def audience_count(
    shop: Workspace,
    rule: str,
    asof: str | datetime | None = None,
    *,
    sql: str | None = None,
    question: str | None = None,
) -> Counted | str:
    """Count an audience: a rule or a name; or its SQL in a dialect. A `question` with a name can be cancelled."""
    found = portrait_of(shop, asof)
    with shop.questions.asked(shop.who.id, question) as stop:
        ground = _ground(shop, found, stop)
        if sql:
            return said(_opened(ground, rule), ground, sql)
        began = time.perf_counter()
        result = count(ground, rule, who=shop.who, least=shop.settings.privacy.least_group)
    elapsed = round((time.perf_counter() - began) * 1000, 3)
    return Counted(
        result.rule, result.asof, result.count, result.identified, result.anonymous, result.reachable, elapsed
    )


def _opened(ground: Ground, asked: str) -> Any:
    """The rule of a text, or of the audience it names."""
    from limner.core.rule import In

    rule = ground.rule(asked)
    if not isinstance(rule, In) or rule.audience in ground.frozen:
        return rule
    return ground.rule_for(rule.audience) or rule


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
    note(shop, "audience list", {"file": str(output.resolve()), "rule": without_addresses(rule), "rows": total})
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
    least = shop.settings.privacy.least_group
    return overlap(_ground(shop, portrait_of(shop, asof)), list(rules), who=shop.who, least=least)


def audience_portraits(
    shop: Workspace, rules: Sequence[str], asof: str | datetime | None = None
) -> tuple[TgiPortrait, ...]:
    """What sets each of several audiences apart from everybody."""
    least = shop.settings.privacy.least_group
    return portraits(_ground(shop, portrait_of(shop, asof)), rules, who=shop.who, least=least)


@dataclass(frozen=True, slots=True)
class TagShown:
    """A tag: what it asks, what it reads, what it may be used for and whose consent it stands on (purposes), and how
    its answers are spread at the asof (None: too few to tell); of a family its members. Under a member's name it is
    that member alone.

    `page` is its page in the catalogue."""

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
    known: int | None
    customers: int
    spread: Mapping[str, int | None]
    purposes: tuple[str, ...] = (ANY,)
    consents: tuple[str, ...] = ()
    members: Sequence[Member] = ()
    page: TagPage | None = None


def tag(shop: Workspace, name: str, asof: str | datetime | None = None, *, sql: str | None = None) -> TagShown | str:
    """What a tag asks and how it is answered; or its whole SELECT in a dialect."""
    from limner.app.tags.pages import page_of

    definitions = shop.definitions
    known_tags = catalog(definitions)
    if sql:
        placed, at = named(known_tags, name), _asof(shop, asof)
        return tag_said(definitions, ground_of(shop.stores, at, columns=_traits(shop)), placed.tag.id, sql)
    found = portrait_of(shop, asof)
    placed, column = opened(known_tags, found.version, name)
    types = {name: header.type for name, header in found.version.headers.items()}
    lineage = lineage_of(definitions, ground_of(shop.stores, found.asof, {"links": found.links}, types), placed.tag.id)
    known, spread = _spread(shop, found, column)
    bound = binding_of(shop, found, placed.tag.id)
    return TagShown(
        id=column,
        name=placed.tag.name if column == placed.tag.id else names_of(placed.tag, column)[0],
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
        purposes=listed(said_purposes(bound.purposes)),
        consents=tuple(sorted(bound.needs)),
        members=listed_members(placed, found.version, shop.settings.privacy.least_group)
        if column == placed.tag.id
        else (),
        page=page_of(shop, found, placed.tag.id) if column == placed.tag.id else None,
    )


def _traits(shop: Workspace) -> dict[str, Type]:
    """The columns a tag may stand on, with their types; none before anything was built."""
    try:
        return {name: header.type for name, header in portrait_of(shop).version.headers.items()}
    except NotFound:
        return {}


def _asof(shop: Workspace, asof: str | datetime | None) -> datetime:
    from limner.core.spans import midnight, parse_instant

    if isinstance(asof, str):
        return parse_instant(asof, shop.settings.zone)
    return asof or midnight(shop.clock(), shop.settings.zone)


def _spread(shop: Workspace, found: Portrait, name: str) -> tuple[int | None, dict[str, int | None]]:
    from limner.app.tags.telling import told_answers
    from limner.flow.audiences.small import told
    from limner.store.gallery.bits import count as size_of

    if name not in found.version.headers:
        return 0, {}
    result = portrait(_ground(shop, found), "is_identified or not is_identified", who=shop.who, columns=[name])
    known = size_of(found.version.column(name).known(found.version.size) & found.version.living_words)
    least, living = shop.settings.privacy.least_group, len(found.version.living)
    counts = {trait.answer: trait.group for trait in result.traits}
    return told(known, least, living), told_answers(counts, known, living, least)


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
    return Profile(
        customer_id=customer_id(shop.stores.hash_key, number),
        number=number,
        asof=found.asof,
        is_identified=bool(row.get("is_identified", False)),
        traits={n: v for n, v in row.items() if n not in tagged and not n.startswith(CONTACT) and n != "is_identified"},
        tags={n: v for n, v in row.items() if n in tagged},
        consents={n.removeprefix("reach."): bool(v) for n, v in row.items() if n.startswith("reach.")},
    )
