"""`audience portrait`: who the members of an audience are, against a base or a competitor's profile."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.app.portraying.contents import Moment, Portrayed, View
from limner.app.portraying.tellers import teller, text_of
from limner.core.errors import BadInput, words

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace
    from limner.flow.audiences.base import Ground
    from limner.flow.audiences.portrait import Portrait as TgiPortrait
    from limner.flow.audiences.portrait import Trait
    from limner.store.gallery.bits import Words

__all__ = ["Moment", "Portrayed", "View", "Wanted", "audience_portrait", "teller"]

BASE_TWICE = words("portrait_base_twice", "Give either another audience or a competitor's profile to compare with.")

MOST_KEYS = 3
"""Answers whose share is followed over time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a portrait is held against: a `base`, or a competitor's shares, `rival` a CSV of them and `profile` their
    rows. `belief` rules are tested;
    `cross` names the two columns crossed in place of age and gender; `brief` leaves the views out."""

    base: str | None = None
    rival: Path | None = None
    profile: Sequence[Mapping[str, object]] | None = None
    belief: Sequence[str] = ()
    cross: Sequence[str] = ()
    brief: bool = False

    @property
    def is_rival(self) -> bool:
        """Whether a competitor's profile is compared with."""
        return self.rival is not None or self.profile is not None


def audience_portrait(
    shop: Workspace,
    rule: str,
    asof: str | datetime | None = None,
    *,
    output: Path | None = None,
    lang: str | None = None,
    **wanted: Any,
) -> Portrayed:
    """Portray an audience as `Wanted` says; `output` writes a page in `lang` (default: the workspace's)."""
    from limner.app.asking import ground_at
    from limner.app.grounds import portrait_of
    from limner.app.reporting.writers import write

    found = portrait_of(shop, asof)
    ground = ground_at(shop, found.version, found.links, found.asof)
    how = Wanted(**wanted)
    compared = _compared(shop, ground, rule, how)
    made = _named(shop, ground, rule, compared, is_rival=how.is_rival, lang=lang)
    sets = _sets(shop, ground, rule, how.base)
    made = _with_beliefs(shop, ground, made, sets, how.belief)
    if not how.brief:
        made = _with_views(shop, ground, found, made, sets, how.cross)
    made = replace(made, text=text_of(made))
    return made if output is None else replace(made, file=str(write(made, Path(output))))


def _compared(shop: Workspace, ground: Ground, rule: str, how: Wanted) -> TgiPortrait:
    from limner.flow.audiences.portrait import portrait
    from limner.flow.audiences.rival import against_rival
    from limner.flow.audiences.rival import rival as read

    least = shop.settings.privacy.least_group
    if not how.is_rival:
        return portrait(ground, rule, how.base, who=shop.who, least=least)
    if sum(one is not None for one in (how.base, how.rival, how.profile)) > 1:
        raise BadInput(BASE_TWICE)
    if how.rival is not None:
        path = Path(how.rival)
        other = read(ground, _rows(path), place=path.name, name=path.stem)
    else:
        rows = [{str(key): _cell(value) for key, value in row.items()} for row in how.profile or ()]
        other = read(ground, rows, place="profile", name="profile", first=1)
    return against_rival(ground, rule, other, who=shop.who, least=least)


def _cell(value: object) -> str:
    """A value of a row as a file would have it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a small CSV file, of whatever encoding."""
    from limner.flow.sources.csv_files import delimiter_of
    from limner.flow.sources.encodings import SAMPLE, encoding_of, sample_of

    encoding = encoding_of(path)
    text = sample_of(path, SAMPLE).decode(encoding, errors="replace").lstrip("\ufeff")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    return [{str(key): value or "" for key, value in row.items() if key is not None} for row in rows]


def _sets(shop: Workspace, ground: Ground, rule: str, base: str | None) -> tuple[Words, Words]:
    from limner.flow.audiences.base import seen_by

    size = ground.version.size
    whole = ground.version.living_words if base is None else ground.words(ground.rule(base))
    return seen_by(shop.who, ground.words(ground.rule(rule)), size), seen_by(shop.who, whole, size)


def _named(
    shop: Workspace, ground: Ground, rule: str, compared: TgiPortrait, *, is_rival: bool, lang: str | None
) -> Portrayed:
    from limner.app.reporting.portrait import display_names, name_of
    from limner.core.ours import Audience
    from limner.core.rule import In, text

    asked = ground.rule(rule)
    known = shop.definitions.of(Audience).get(asked.audience) if isinstance(asked, In) else None
    opened = ground.rule_for(asked.audience) if isinstance(asked, In) else asked
    told = display_names(shop, ground.version.headers)
    settings = shop.settings.workspace
    return Portrayed(
        rule=rule,
        name=(known.name or known.id) if known else rule,
        written=text(opened) if opened is not None else "",
        against=compared.against,
        asof=compared.asof,
        group=compared.group,
        base=compared.base,
        traits=compared.traits,
        confidence=compared.confidence,
        is_rival=is_rival,
        names={name: name_of(told, name) for name in ground.version.headers},
        workspace=settings.name,
        lang=lang or settings.locale,
        zone=settings.zone,
        currency=settings.currency,
        made_at=shop.clock(),
    )


def _with_beliefs(
    shop: Workspace, ground: Ground, made: Portrayed, sets: tuple[Words, Words], stated: Sequence[str]
) -> Portrayed:
    from limner.flow.audiences.beliefs import beliefs

    least = shop.settings.privacy.least_group
    return replace(made, beliefs=beliefs(ground, *sets, list(stated), who=shop.who, least=least))


def _with_views(
    shop: Workspace,
    ground: Ground,
    found: Portrait,
    made: Portrayed,
    sets: tuple[Words, Words],
    cross: Sequence[str],
) -> Portrayed:
    from limner.app.portraying.views import trend_of, views_of

    key = _keys(made.traits)
    views = views_of(shop, ground, found, sets, cross)
    return replace(made, views=views, trend=trend_of(shop, made.rule, key, found), trend_of=key)


def _keys(traits: Sequence[Trait]) -> tuple[Trait, ...]:
    """The answers worth following: clear, not by definition, one of each column, the largest differences first."""
    chosen: dict[str, Trait] = {}
    for one in sorted(traits, key=lambda t: -abs(t.group_share - t.base_share)):
        if one.is_clear and one.tgi > 100 and not one.is_by_rule:
            chosen.setdefault(one.column.partition(".")[0], one)
    return tuple(chosen.values())[:MOST_KEYS]
