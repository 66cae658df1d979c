"""Checks as a source declares them: one small mapping each, in its YAML under `checks`.

    checks:
      - {check: null_share, column: 实付金额, at_most: 0.01, level: hard}
      - {check: volume, usual: 0.5}

A column is a header of the file, or a place in the lake such as events.amount or traits.city.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from limner.core.errors import BadDefinition, LimnerError, words

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source

CheckKind = Literal[
    "null_share", "range", "unique", "reference", "pattern", "accepted", "freshness", "volume", "sum", "rejects",
    "anonymous", "pace", "categories", "distribution",
]  # fmt: skip
Level = Literal["hard", "soft"]

LACKS = words("check_field_needed", "{place}: the check {check!r} needs {name}.")
OUT = words("check_bound_wrong", "{place}: {name} is {value}, it must be {bound}.")
NO_PATTERN = words("check_pattern_bad", "{place}: the pattern {pattern!r} cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class CheckRule:
    """One check. `hard` holds the whole load when it breaks, `soft` reports it.

    null_share: rows without a value, `at_most` a share. range: `at_least`, `at_most`. unique: `column` or `columns`
    together. reference: each value stands in `exists_in` (items.item_id, sites.site_id, traits.NAME). pattern: the
    whole value. accepted: `values`. freshness: the newest `column` (default: happened_at) lies `within` a span before
    the load. volume: rows of the load; sum: of `column`; both between `at_least` and `at_most`, or `usual`: ± that
    share of the median of the last loads. rejects, anonymous: share of rows, `at_most`. pace: most events of one
    device or person in a minute, `at_most`. categories, distribution: drift against the last loads, `at_most`.

    `allow` is the share of rows that may break range, unique, reference, pattern and accepted. `event` looks at events
    of one name only. `learnt: true` takes the bound from the loads before.
    """

    check: CheckKind
    column: str = ""
    columns: tuple[str, ...] = ()
    event: str = ""
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    usual: Decimal | None = None
    within: timedelta | None = None
    values: tuple[str, ...] = ()
    pattern: str = ""
    exists_in: str = ""
    allow: Decimal = Decimal(0)
    learnt: bool = False
    level: Level = "soft"

    @property
    def subjects(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return self.columns or ((self.column,) if self.column else ())


NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "null_share": ("column", "at_most"),
    "range": ("column", "at_least|at_most"),
    "unique": ("column|columns",),
    "reference": ("column", "exists_in"),
    "pattern": ("column", "pattern"),
    "accepted": ("column", "values"),
    "freshness": ("within",),
    "volume": ("at_least|at_most|usual",),
    "sum": ("column", "at_least|at_most|usual"),
    "rejects": ("at_most",),
    "anonymous": ("at_most",),
    "pace": ("at_most",),
    "categories": ("column", "at_most"),
    "distribution": ("column", "at_most"),
}
"""What each check cannot do without; alternatives are parted by a bar."""

DRIFTING: Final = frozenset({"categories", "distribution"})
"""Checks that hold a load against those before it, whatever their bound."""

LEARNABLE: Final = frozenset({"null_share", "freshness", "volume", "categories", "distribution"})
"""Checks whose bound can be taken from the loads before."""

_BOUNDS = frozenset({"at_most", "at_least|at_most|usual", "within"})
"""What a check lacks whose bound is learnt."""

_SHARES = frozenset({"null_share", "rejects", "anonymous"})


def problems(source: Source) -> Iterator[LimnerError]:
    """What is wrong with the checks of a source, as far as it can be seen without a file."""
    for place, rule in placed(source):
        lacking = [name for name in NEEDS[rule.check] if not _has(rule, name)]
        if rule.learnt and rule.check in LEARNABLE:
            lacking = [name for name in lacking if name not in _BOUNDS]
        elif rule.learnt:
            yield BadDefinition(OUT, place=place, name="learnt", value="true", bound="left out for " + rule.check)
        for name in lacking:
            yield BadDefinition(LACKS, place=place, check=rule.check, name=name.replace("|", " or "))
        yield from _out_of_bounds(place, rule)


def placed(source: Source) -> Iterator[tuple[str, CheckRule]]:
    """The checks of a source with their place in it."""
    return ((f"sources/{source.id}: checks[{turn}]", rule) for turn, rule in enumerate(source.checks))


def _has(rule: CheckRule, names: str) -> bool:
    return any(getattr(rule, name) not in (None, "", ()) for name in names.split("|"))


def _out_of_bounds(place: str, rule: CheckRule) -> Iterator[LimnerError]:
    shares = [("allow", rule.allow)] + ([("at_most", rule.at_most)] if rule.check in _SHARES else [])
    for name, value in shares:
        if value is not None and not 0 <= value <= 1:
            yield BadDefinition(OUT, place=place, name=name, value=value, bound="a share from 0 to 1")
    if rule.usual is not None and rule.usual <= 0:
        yield BadDefinition(OUT, place=place, name="usual", value=rule.usual, bound="a share above 0, such as 0.5")
    if rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield BadDefinition(OUT, place=place, name="at_least", value=rule.at_least, bound=f"at most {rule.at_most}")
    if rule.pattern and (why := _unreadable(rule.pattern)):
        yield BadDefinition(NO_PATTERN, place=place, pattern=rule.pattern, why=why)


def _unreadable(pattern: str) -> str:
    """Why the engine could not read a pattern; empty when it can. Its patterns are those of RE2."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        return str(error).splitlines()[0]
    return ""
