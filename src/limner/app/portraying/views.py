"""The views of a portrait: places, age by gender, RFM, active hours, what is bought, and how it was before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from limner.app.portraying.contents import Moment, View
from limner.core.errors import LimnerError, NotFound, near, words
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.portrait import Trait, columns_of
from limner.flow.audiences.views import Masks, coded, crossed, means, told
from limner.flow.sources.enrich.divisions import divisions
from limner.flow.tags.catalog import catalog
from limner.flow.tags.rfm import axes_of
from limner.store.gallery.bits import Words, count, numbers
from limner.store.lake.sql import statement
from limner.store.ledger import views as published

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace

NOT_CROSSED = words(
    "portrait_cross_bad",
    "{name!r} cannot be crossed: a view crosses two columns of words, yes/no, age or whole numbers.",
)
AGES: Final = ("age", "birthday", "birth_date", "birth_day")
GENDERS: Final = ("gender", "sex")
MOST_MOMENTS: Final = 12
MOST_BOUGHT: Final = 15
LOOKS_BACK: Final = timedelta(days=365)


def views_of(
    shop: Workspace, ground: Ground, found: Portrait, sets: tuple[Words, Words], cross: Sequence[str]
) -> tuple[View, ...]:
    """Every view whose columns are there."""
    least = shop.settings.privacy.least_group
    masks = Masks.of(*sets, ground.version.size, least=least)
    made = [
        *_places(ground, masks),
        _crossed(ground, masks, cross),
        _plain(ground, masks, "rfm", "rfm"),
        _rfm_grid(ground, masks),
        _plain(ground, masks, "hours", "active_hour"),
        *_bought(shop, found, sets, least),
    ]
    return tuple(view for view in made if view is not None and view.traits)


def _plain(ground: Ground, masks: Masks, key: str, name: str) -> View | None:
    found = coded(ground.version, name, ground.asof) if name in columns_of(ground) else None
    return View(key, (name,), masks.told(found)) if found is not None else None


def _rfm_grid(ground: Ground, masks: Masks) -> View | None:
    """Recency by frequency of the first RFM tag whose levels are there, with what the members have spent on average."""
    open_to_all, headers = set(columns_of(ground)), ground.version.headers
    for name, placed in catalog(ground.definitions).items():
        levels = f"{name}.r", f"{name}.f"
        if placed.tag.kind == "rfm" and set(levels) <= open_to_all:
            recency, frequency = (coded(ground.version, level, ground.asof) for level in levels)
            if recency is None or frequency is None:
                continue
            both, (needs, _) = crossed(recency, frequency), axes_of(placed.tag, placed.place)
            money = needs[-1]
            is_money = money in open_to_all and headers[money].type == "money"
            spend = means(both, masks.group, ground.version.column(money), masks.least) if is_money else {}
            traits = masks.told(both)
            told = {one.answer for one in traits}
            return View(
                "rfm_grid", (*levels, money) if is_money else levels, traits,
                spend={answer: mean for answer, mean in spend.items() if answer in told},
            )  # fmt: skip
    return None


def _places(ground: Ground, masks: Masks) -> Iterable[View | None]:
    """Provinces, of the trait or of the cities, then the cities; countries where there is neither."""
    open_to_all = set(columns_of(ground))
    texts = {n for n, h in ground.version.headers.items() if h.type == "text" and n in open_to_all}
    known = {name: d for d in divisions().provinces.values() for name in d.names}
    shorts = {d.code: d.names[1] for d in divisions().provinces.values()}
    by_city = {name: shorts[d.code[:2]] for d in divisions().cities.values() for name in d.names if name != "-"}
    source, placed = "province", {name: shorts[d.code] for name, d in known.items()}
    if "province" not in texts:
        source, placed = "city", by_city
    if source in texts and (found := coded(ground.version, source, ground.asof, placed)) is not None:
        codes = {short: code for code, short in shorts.items()}
        yield View("province", (source,), masks.told(found), places={w: codes[w] for w in found.labels})
    for key in ("city", "country"):
        if key in texts and (found := coded(ground.version, key, ground.asof)) is not None:
            shown = sorted(masks.told(found), key=lambda t: -t.base)[:20]
            yield View(key, (key,), tuple(shown))


def _crossed(ground: Ground, masks: Masks, cross: Sequence[str]) -> View | None:
    version, open_to_all = ground.version, {*columns_of(ground), *(n for n in AGES if _is_open(ground, n))}
    wanted = [_named(ground, name) for name in cross]
    pair = wanted or [next((n for n in names if n in open_to_all), "") for names in (AGES, GENDERS)]
    parts = [coded(version, name, ground.asof) if name in open_to_all else None for name in pair[:2]]
    for name, part in zip(pair, parts, strict=False):
        if cross and part is None:
            raise NotFound(NOT_CROSSED, near=near(name, sorted(open_to_all)), name=name)
    if len(parts) < 2 or parts[0] is None or parts[1] is None:
        return None
    return View("cross", (pair[0], pair[1]), masks.told(crossed(parts[0], parts[1])))


def _is_open(ground: Ground, name: str) -> bool:
    from limner.core.ours import Property

    declared = ground.definitions.of(Property).get(name)
    return name in ground.version.headers and not (declared is not None and declared.is_personal)


def _named(ground: Ground, name: str) -> str:
    known = ground.lexicon.words("tags").get(name.strip().casefold(), ())
    return known[0].id if len(known) == 1 else name


def _bought(shop: Workspace, found: Portrait, sets: tuple[Words, Words], least: int) -> Iterable[View]:
    import pyarrow as pa

    either = numbers(sets[0] | sets[1])
    if not either.size or not found.links:
        return
    inside = [np.isin(either, numbers(one), assume_unique=True) for one in sets]
    chosen = pa.table({"number": either, "in_group": inside[0], "in_base": inside[1]})
    asked = statement(__package__ or "", "bought.sql", asof=found.asof, since=found.asof - LOOKS_BACK)
    rows = shop.stores.lake.table(asked, given={"chosen": chosen}, versions={"links": found.links}).to_pylist()
    every = [row for row in rows if row["kind"] == "all"]
    for key in ("items", "categories"):
        if picked := [row for row in rows if row["kind"] == key]:
            traits = told(
                "item" if key == "items" else "category",
                [row["word"] for row in picked],
                [[row[part] for row in picked] for part in _PARTS],
                0.95,
                least,
                [every[0][part] for part in _PARTS],
            )
            yield View(key, (), _top(traits), names={row["word"]: row["name"] for row in picked if row["name"]})


_PARTS: Final = ("in_group", "in_base", "in_both")


def _top(traits: Sequence[Trait]) -> tuple[Trait, ...]:
    """The answers that stand out most often bought in the audience, then the most bought."""
    ranked = sorted(traits, key=lambda t: (not (t.is_clear and t.tgi > 100), -t.group_share, t.answer))
    return tuple(ranked[:MOST_BOUGHT])


def trend_of(shop: Workspace, rule: str, key: Sequence[Trait], at: Portrait) -> tuple[Moment, ...]:
    """The audience in the portraits published of earlier asofs, oldest first; those in which it cannot be asked for are
    left out."""
    from limner.app.asking import ground_at
    from limner.app.grounds import PORTRAIT, portrait_of

    every = {one.asof for one in published.every(shop.stores.ledger, PORTRAIT) if one.asof and one.asof <= at.asof}
    made = []
    for asof in sorted(every)[-MOST_MOMENTS:]:
        try:
            found = at if asof == at.asof else portrait_of(shop, asof)
            made.append(_moment(shop, ground_at(shop, found.version, found.links, found.asof), rule, key))
        except LimnerError:
            continue  # a column or audience that was not there yet, or a version that has gone
    return tuple(one for one in made if one is not None)


def _moment(shop: Workspace, ground: Ground, rule: str, key: Sequence[Trait]) -> Moment | None:
    size, least = ground.version.size, shop.settings.privacy.least_group
    group = seen_by(shop.who, ground.words(ground.rule(rule)), size)
    everybody = count(seen_by(shop.who, ground.version.living_words, size))
    members = count(group)
    if 0 < members < least or 0 < everybody - members < least:
        return None
    return Moment(ground.asof, members, everybody, tuple(_share(ground, group, one, least) for one in key))


def _share(ground: Ground, group: Words, one: Trait, least: int) -> float | None:
    known: Any = ground.version.headers.get(one.column)
    if known is None:
        return None
    asked = count(group & ground.version.column(one.column).known(ground.version.size))
    cases = count(group & ground.words(ground.rule(one.rule)))
    return cases / asked if asked and not 0 < cases < least else None
