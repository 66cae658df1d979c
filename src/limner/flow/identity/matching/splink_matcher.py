"""Splink 5 as a matcher: the same records and meetings as `persons`, its own weights and engine.

Its engine's likeness counts bytes, so Chinese is compared by how it sounds, in plain letters. One thread is used: sums
of floats on two give another last digit each time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from limner.core.tell import Tell, silent
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import Ground, Ints, Records, Scored, trait_matcher
from limner.flow.identity.matching.coded import Coded
from limner.flow.identity.matching.features import Features, features
from limner.flow.identity.matching.meeting import Meeting, meeting
from limner.flow.identity.matching.unique import Unique, apart, unique_records
from limner.maths.extras import need

_LEVELS: Final[Mapping[str, Sequence[tuple[str, str, str, float]]]] = {
    "given_name": (("same", "rare", "given_name", 0), ("sounds alike", "exact", "given_name_sound", 0),
                   ("near", "winkler", "given_name_sound", 0.88)),
    "surname": (("same", "rare", "surname", 0), ("sounds alike", "exact", "surname_sound", 0),
                ("near", "winkler", "surname_sound", 0.88)),
    "birth_date": (("same", "exact", "birth_date", 0), ("one slip", "edits", "birth_date", 1),
                   ("same year", "exact", "birth_year", 0)),
    "gender": (("same", "exact", "gender", 0),),
    "city": (("same", "rare", "city", 0),),
    "address": (("same", "rare", "address", 0), ("same house number", "exact", "house", 0)),
    "phone": (("same", "exact", "phone", 0), ("same as far as shown", "exact", "phone_ends", 0),
              ("same tail", "exact", "phone_tail", 0)),
    "id_card": (("same", "exact", "id_card", 0), ("one slip", "edits", "id_card", 1),
                ("same tail", "exact", "id_card_tail", 0)),
    "email": (("same", "exact", "email", 0), ("same name elsewhere", "exact", "email_name", 0),
              ("near", "winkler", "email", 0.9)),
}  # fmt: skip
"""Per role, from the same downwards: the level in words, how it is told, by which text, and the bound."""
_CODE: Final = (("same", "rare", 0.0), ("one slip", "edits", 1.0), ("two slips", "edits", 2.0))
_TEXT: Final = (("same", "rare", 0.0), ("near", "winkler", 0.92), ("far", "winkler", 0.8))
_TEACHERS: Final = (("birth_date",), ("surname", "given_name"), ("phone_ends",), ("id_card",), ("email",), ("address",))
"""Keys whose shared values teach the weights of everything else."""
_SURE: Final = (("surname", "given_name", "birth_date"), ("id_card",), ("phone_ends", "surname"), ("email",))
"""Keys that one person shares with himself seven times in ten, and with hardly anybody else."""
_PAIRS: Final = 1_000_000


@trait_matcher("splink")
def splink(
    records: Records,
    matching: Matching,
    *,
    rng: np.random.Generator,
    ground: Ground | None = None,
    tell: Tell = silent,
) -> Scored:
    """The pairs Splink gives `propose_above` or more; records meet as for `persons`. Needs the extra `identity`.

    Of records that state the very same two are shown to Splink, however many there are.
    """
    if records.trace.size < 2:
        return Scored(*(np.empty(0, np.int64),) * 2, np.empty(0))
    unique = unique_records(records)
    rows = unique.first.size
    found = features({role: column.take(unique.first) for role, column in records.columns.items()}, rows)
    met = meeting(matching.blocking, found.keys, rows=rows, crowd=matching.crowd)
    tell(1, 3, "pairs")
    roles = _roles(found)
    with _quiet():
        linker = _taught(*_prepared(found, met, unique, roles), found, seed=int(rng.integers(1, 1 << 31)))
        tell(2, 3, "weights")
        scored = linker.inference.predict(
            threshold_match_probability=matching.propose_above, warning_mode="never"
        ).as_pyarrow_table()
    tell(3, 3, "scores")
    return _read(scored, unique, found, met, roles)


def _roles(found: Features) -> dict[str, tuple[tuple[str, str, str, float], ...]]:
    """The levels of each comparison that can be made here."""
    roles = {role: tuple(one for one in levels if one[2] in found.texts)
             for role, levels in _LEVELS.items() if role in found.texts}  # fmt: skip
    for key in found.texts:
        if key.startswith(("code:", "text:")):
            table = _CODE if key.startswith("code:") else _TEXT
            roles[key] = tuple((said, how, key, bound) for said, how, bound in table)
    return roles


def _column(key: str) -> str:
    return key.replace(":", "__").replace(" ", "_")


def _prepared(
    found: Features, met: Meeting, unique: Unique, roles: Mapping[str, Sequence[tuple[str, str, str, float]]]
) -> tuple[Any, Any]:
    """The different records, and a second copy of those that stand there more than once; and the settings."""
    duckdb, api = need("duckdb", extra="identity"), need("splink", extra="identity")
    rows = np.arange(unique.first.size)
    shown = np.concatenate([rows, np.flatnonzero(unique.count > 1)])
    ids = np.concatenate([rows, np.flatnonzero(unique.count > 1) + rows.size])
    columns: dict[str, pa.Array] = {"unique_id": pa.array(ids)}
    columns |= {_column(key): _text(value, shown) for key, value in found.texts.items()}
    columns |= {f"meet_{at}": _meeting_key(key, shown) for at, key in enumerate(met.rules.values())}
    settings = api.SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=min(0.5, 1.0 / max(2, rows.size)),
        blocking_rules_to_generate_predictions=[api.block_on(f"meet_{at}") for at in range(len(met.rules))],
        comparisons=[_comparison(role, levels) for role, levels in roles.items()],
        retain_intermediate_calculation_columns=True,
    )
    connection = duckdb.connect(config={"threads": 1})
    database = api.DuckDBAPI(connection=connection)
    return database.register(pa.table(columns)), settings


def _text(value: Coded, shown: Ints) -> pa.Array:
    code = value.code[shown]
    return pa.array(value.values, pa.string()).take(pa.array(np.where(code < 0, 0, code), mask=code < 0))


def _meeting_key(key: Ints, shown: Ints) -> pa.Array:
    return pa.array(key[shown], mask=key[shown] < 0)


def _comparison(role: str, levels: Iterable[tuple[str, str, str, float]]) -> Any:
    library = need("splink.comparison_level_library", extra="identity")
    made = [library.NullLevel(_column(role))]
    for _, how, key, bound in levels:
        if how == "winkler":
            made.append(library.JaroWinklerLevel(_column(key), bound))
        elif how == "edits":
            made.append(library.DamerauLevenshteinLevel(_column(key), int(bound)))
        else:
            made.append(library.ExactMatchLevel(_column(key), term_frequency_adjustments=how == "rare"))
    made.append(library.ElseLevel())
    custom = need("splink.comparison_library", extra="identity").CustomComparison
    return custom(output_column_name=_column(role), comparison_levels=made)


def _taught(table: Any, settings: Any, found: Features, *, seed: int) -> Any:
    """A linker that knows how often two records are one person's, u, and m.

    What a small file cannot teach stays as it is: a lesson that fails leaves a linker half changed, so each begins with
    what the last good one had learned.
    """
    api = need("splink", extra="identity")
    wrong = need("splink.internals.exceptions", extra="identity").SplinkException
    linker = api.Linker(table, settings, log_level=None)
    for lesson in _lessons(api, found, seed):
        known = linker.misc.save_model_to_json()
        try:
            lesson(linker)
        except (wrong, ValueError, ZeroDivisionError):
            linker = api.Linker(table, known, log_level=None)
    return linker


def _lessons(api: Any, found: Features, seed: int) -> Iterator[Callable[[Any], object]]:
    def rules(among: Iterable[Sequence[str]]) -> list[Any]:
        return [api.block_on(*map(_column, keys)) for keys in among if all(key in found.texts for key in keys)]

    sure = rules(_SURE)
    if sure:
        yield lambda linker: linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    yield lambda linker: linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=seed)
    for rule in rules(_TEACHERS):
        yield partial(_lesson, rule=rule)


def _lesson(linker: Any, rule: Any) -> None:
    linker.training.estimate_parameters_using_expectation_maximisation(rule)


@contextmanager
def _quiet() -> Iterator[None]:
    """Splink logs every step; a station does not log."""
    need("splink", extra="identity")  # which sets the level as it is loaded
    logger = logging.getLogger("splink")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _read(
    scored: pa.Table, unique: Unique, found: Features, met: Meeting,
    roles: Mapping[str, Sequence[tuple[str, str, str, float]]],
) -> Scored:  # fmt: skip
    """Splink's pairs as rows of what was given: pairs of different records, and copies with the first of them."""
    rows = unique.first.size
    one, other = (scored[f"unique_id_{side}"].to_numpy() for side in "lr")
    one, other = np.minimum(one, other), np.maximum(one, other)
    pairs = np.flatnonzero((other < rows) & ~apart(found.owner, one % rows, other % rows))
    twin = {int(a): at for at, (a, b) in enumerate(zip(one.tolist(), other.tolist(), strict=True)) if b == a + rows}
    copies = np.flatnonzero(unique.first[unique.of] != np.arange(unique.of.size))
    later = np.array([row for row in copies.tolist() if int(unique.of[row]) in twin], np.int64)
    taken = np.concatenate([pairs, np.array([twin[int(unique.of[row])] for row in later], np.int64)])
    first = np.concatenate([unique.first[one[pairs]], unique.first[unique.of[later]]])
    second = np.concatenate([unique.first[other[pairs]], later])
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((high, low))
    taken = taken[order]
    level = [scored[f"gamma_{_column(role)}"].to_numpy().astype(np.int8)[taken] for role in roles]
    bits = [_bits(scored, _column(role))[taken] for role in roles]
    return Scored(
        low[order],
        high[order],
        scored["match_probability"].to_numpy().astype(np.float64)[taken],
        tuple(roles),
        tuple(("differs", *(said for said, *_ in reversed(levels))) for levels in roles.values()),
        np.stack(level, axis=1) if level else np.empty((low.size, 0), np.int8),
        np.stack(bits, axis=1) if bits else np.empty((low.size, 0), np.float32),
        found.owner[unique.of],
        int(met.low.size),
        met.crowded,
        met.unused,
    )


def _bits(scored: pa.Table, column: str) -> np.ndarray:
    """What a comparison weighs, the rarity of its value included."""
    names = [name for name in (f"mw_{column}", f"mw_tf_adj_{column}") if name in scored.column_names]
    return np.asarray(sum(scored[name].to_numpy().astype(np.float32) for name in names), np.float32)
