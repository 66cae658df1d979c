"""The portrait of the base, the RFM classes, what sets the audiences apart, and the model cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.app.named import member_names
from limner.app.reporting.contents import Answer, Apart, Base, Card, Foresight, RfmClass, Spread
from limner.core.errors import LimnerError
from limner.core.ours import Audience, Campaign, Model, Property
from limner.flow.audiences.buckets import buckets
from limner.flow.decisions.facts import numbers_of, texts_of
from limner.flow.tags.catalog import catalog
from limner.store.gallery.bits import to_bitmap, unpack

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace
    from limner.store.gallery import Version

SHOWN = (
    *("lifecycle_stage", "orders_365d", "recency_days", "net_spend_365d", "avg_order", "discount_share"),
    *("top_category", "buying_via", "favourite_via", "gender", "level", "city", "shop", "country"),
)
"""The tags and traits a report shows first, those that are there."""
_SCORED = ("rfm", "rfm3")
_SCORES = (("r", "近度", "recency"), ("f", "频次", "frequency"), ("m", "金额", "spend"))
"""The scores beside an RFM class."""
MOST_SPREADS, MOST_PARTS, MOST_ANSWERS, MOST_RARE = 9, 7, 8, 2


def base_of(shop: Workspace, portrait: Portrait) -> Base:
    """Everybody at the portrait's asof: how many, how spread, and the eight RFM classes."""
    version = portrait.version
    identified = 0
    if "is_identified" in version.headers:
        identified = len(to_bitmap(version.column("is_identified").yes(version.size)) & version.living)
    return Base(len(version.living), identified, _spreads(shop, version), _rfm(version))


def _spreads(shop: Workspace, version: Version) -> tuple[Spread, ...]:
    properties = shop.definitions.of(Property)
    personal = {name for name, known in properties.items() if known.is_personal}
    plain = (
        name
        for name, header in version.headers.items()
        if header.type == "text" and not header.version and "." not in name and name not in SHOWN
    )
    names = [name for name in (*SHOWN, *plain) if name in version.headers and name not in personal]
    told = display_names(shop, version.headers)
    found = (_spread(version, name, told.get(name, ("", ""))) for name in names)
    return tuple(spread for spread in found if spread is not None)[:MOST_SPREADS]


def display_names(shop: Workspace, columns: Iterable[str] = ()) -> Mapping[str, tuple[str, str]]:
    """Column → its Chinese and its English name; of members of families, those among `columns`."""
    definitions = shop.definitions
    known = catalog(definitions)
    names = {name: (placed.tag.name, placed.tag.name_en) for name, placed in known.items()}
    names |= {name: pair for name, pair in member_names(known, columns).items() if any(pair)}
    for name, (zh, en) in [pair for pair in names.items() if pair[0] in _SCORED]:
        names |= {f"{name}.{part}": (f"{zh}·{said}", f"{en}: {said_en}") for part, said, said_en in _SCORES}
    names |= {name: (model.name, model.name_en) for name, model in definitions.of(Model).items()}
    return names | {name: (known.name, "") for name, known in definitions.of(Property).items() if known.name}


def name_of(told: Mapping[str, tuple[str, str]], column: str) -> tuple[str, str]:
    """The Chinese and the English name of a column; that of a part says its tag first. Unknown: empty.

    >>> name_of({"interest": ("兴趣", "interest")}, "interest.女装")
    ('兴趣·女装', 'interest: 女装')
    """
    stem, dot, part = column.partition(".")
    zh, en = told.get(column) or told.get(stem, ("", ""))
    is_part = bool(dot) and column not in told
    return f"{zh}·{part}" if is_part and zh else zh, f"{en}: {part}" if is_part and en else en


def _spread(version: Version, name: str, told: tuple[str, str]) -> Spread | None:
    """How one column is spread; None when nobody is known, all are alike, or almost everybody has an own answer."""
    column, everybody = version.column(name), unpack(version.living_words, version.size)
    found = buckets(column, everybody)
    if found is None:
        return None
    rows = found.codes.size
    codes = found.codes[everybody[:rows]]
    known = int((codes >= 0).sum())
    sizes = np.bincount(codes[codes >= 0], minlength=len(found.labels))
    is_text = column.header.type == "text"
    order = found.shown[:MOST_PARTS] if is_text else sorted(found.shown)
    parts = tuple((found.labels[code], int(sizes[code])) for code in order)
    if is_text and sum(size for _, size in parts) < known * 0.05:
        return None
    living = len(version.living)
    return Spread(name, told[0], told[1], column.header.unit, known, living, parts, is_ordered=not is_text)


def _rfm(version: Version) -> tuple[RfmClass, ...]:
    if "rfm" not in version.headers:
        return ()
    numbers = np.asarray(version.living.to_array(), np.int64)
    classes = texts_of(version, "rfm", numbers).astype(str)
    money = numbers_of(version, "net_spend", numbers)
    return tuple(
        RfmClass(str(name), int((classes == name).sum()), Decimal(int(money[classes == name].sum())).scaleb(-4))
        for name in np.unique(classes)
        if name
    )


def apart_of(shop: Workspace, portrait: Portrait, campaigns: Sequence[str]) -> tuple[Apart, ...]:
    """What sets the audience of each of these campaigns apart; only answers that stand out beyond doubt."""
    from limner.app.asking import audience_portraits, audience_show

    definitions = shop.definitions
    known = definitions.of(Campaign)
    rules = {}
    for name in dict.fromkeys(known[name].audience for name in campaigns if name in known):
        try:
            audience = definitions.find(Audience, name)
            shown = audience_show(shop, audience.id, portrait.asof)
        except LimnerError:
            continue  # an audience that was changed or taken away since the launch has no portrait today
        if shown.counted.count is not None:
            rules[audience.id] = shown.rule
    told = display_names(shop, portrait.version.headers)
    made = []
    for (name, rule), found in zip(rules.items(), audience_portraits(shop, list(rules), portrait.asof), strict=True):
        clear = _answers([trait for trait in found.traits if trait.is_clear], told)
        title = definitions.find(Audience, name).name or name
        made.append(Apart(name, title, rule, found.group, found.base, clear))
    return tuple(made)


def _answers(clear: Sequence[Any], told: Mapping[str, tuple[str, str]]) -> tuple[Answer, ...]:
    """The most telling answers, one of each column: mostly what is frequent in the audience, a few that are rare."""
    seen: set[str] = set()
    room = {True: MOST_ANSWERS - MOST_RARE, False: MOST_RARE}
    chosen: list[Any] = []
    for trait in sorted(clear, key=lambda t: -abs(t.group_share - t.base_share)):
        stem, is_frequent = trait.column.partition(".")[0], trait.tgi > 100
        if stem not in seen and room[is_frequent]:
            seen.add(stem)
            room[is_frequent] -= 1
            chosen.append(trait)
    return tuple(
        Answer(
            column=t.column,
            name=name_of(told, t.column)[0],
            name_en=name_of(told, t.column)[1],
            answer=t.answer,
            share=t.group_share,
            base_share=t.base_share,
            tgi=t.tgi,
            low=t.low,
            high=None if t.high == float("inf") else t.high,
        )
        for t in sorted(chosen, key=lambda t: -t.tgi)
    )


def cards_of(shop: Workspace, portrait: Portrait) -> tuple[Card, ...]:
    """The cards of the models that were learned."""
    cards = [portrait.version.card(name) for name in portrait.version.cards()]
    told = display_names(shop, portrait.version.headers)
    return tuple(_card(card, told) for card in cards if card.get("auc"))


def _card(card: Mapping[str, Any], told: Mapping[str, tuple[str, str]]) -> Card:
    saw = [part["asof"][:10] for part in card.get("saw", ())]
    features = sorted(((f["name"], f["importance"]) for f in card.get("features", ())), key=lambda pair: -pair[1])
    zh, en = told.get(card["model"], (card["name"], ""))
    return Card(
        model=card["model"],
        name=zh or card["name"],
        name_en=en,
        event=card["event"],
        horizon_days=card["horizon_days"],
        customers=card["customers"],
        base_rate=card["base_rate"]["newest"],
        random_auc=card["auc"]["random"],
        temporal_auc=card["auc"]["temporal"],
        calibration_error=card.get("ece"),
        calibration=tuple((row[0], row[1], int(row[2])) for row in card.get("calibration_table", ())),
        lifts=tuple(card.get("decile_lift", ())),
        features=tuple((name, *name_of(told, name), weight) for name, weight in features[:MOST_ANSWERS]),
        trained_on=tuple(saw[:-1]),
        tested_on=saw[-1] if saw else "",
    )


def foresights_of(shop: Workspace, portrait: Portrait) -> tuple[Foresight, ...]:
    """What the models of value say that were learned."""
    cards = [portrait.version.card(name) for name in portrait.version.cards()]
    told = display_names(shop, portrait.version.headers)
    return tuple(_foresight(card, told) for card in cards if card.get("kind") == "clv" and card.get("purchases"))


def _foresight(card: Mapping[str, Any], told: Mapping[str, tuple[str, str]]) -> Foresight:
    zh, en = told.get(card["model"], (card["name"], ""))
    tracking = card.get("tracking", {})
    purchases = card["purchases"]
    return Foresight(
        model=card["model"],
        name=zh or card["name"],
        name_en=en,
        horizon_days=card["horizon_days"],
        buyers=card["buyers"],
        purchases=purchases["total"],
        low=purchases["low"],
        high=purchases["high"],
        alive=card.get("alive"),
        value=card.get("value", {}).get("total"),
        weeks=tuple((row["week"], row["expected"], row["observed"]) for row in tracking.get("weeks", ())),
        worst_error=tracking.get("worst_error", 0.0),
        parameters=tuple((one["name"], one["value"], one["low"], one["high"]) for one in card["parameters"]),
    )
