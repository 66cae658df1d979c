"""Clusters of customers: learned on a sample, kept, and put to everybody block by block.

A fit stays in use for `refit` days, so a customer whose columns do not change stays in the same cluster whatever others
do. The next fit begins at the centres of the one before, and each cluster bears the label of the one it shares most
customers with.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from limner.core.definition import as_mapping
from limner.core.errors import BadDefinition, BadInput, Lacking, words
from limner.core.ids import version as version_of
from limner.core.ours import Audience
from limner.core.rule import In
from limner.core.spans import day_of
from limner.flow.audiences.base import Ground, Reads
from limner.flow.audiences.fits import Fit
from limner.flow.audiences.options import bad, columns_named, options_of, rule_named
from limner.flow.audiences.tables import Table, learned_table, read_block, read_rows
from limner.maths.arms import salt, shares
from limner.maths.clusters import Centres, Rows, cluster, nearest
from limner.maths.extras import one_thread
from limner.maths.stability import Stability, chosen_k, matched, stability
from limner.store.gallery.bits import BLOCK, from_bitmap, unpack

if TYPE_CHECKING:
    from limner.core.rule import Lexicon
    from limner.store.definitions import Definitions

NO_COLUMNS = words("clusters_no_columns", "audiences/{name}: clusters are made of columns. Name them under `columns`.")
NOBODY = words(
    "clusters_nobody",
    "audiences/{name}: {found} customers have answers in all of {columns}, and {k} clusters need more. Take other "
    "columns, or `unknown: middle`.",
)
NO_CLUSTER = words("cluster_unknown", "audiences/{name}: there is no cluster {label}. The clusters are {known}.")
MOST_ROWS: Final = 200_000
"""Customers a fit is learned on, drawn by a hash of their number."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """The options of the selector `clusters`.

    `columns` are what customers are compared by; `log` those of them that are taken as logarithms; `k` how many
    clusters (none: the most, up to `most`, whose stability reaches `stable` and is near the best). `unknown`: customers
    with an unknown answer stand `apart`, in no cluster, or count as `middle` or `zero`. `among` is the audience or rule
    they are made of; a word that differs costs `weight`. `cluster` is the one whose members the audience has (none:
    all), `of` the audience whose clusters they are.
    """

    columns: tuple[str, ...] = ()
    cluster: int | None = None
    of: str = ""
    k: int | None = None
    most: int = 8
    stable: float = 0.9
    log: tuple[str, ...] = ()
    scale: Literal["standard", "robust", "none"] = "standard"
    unknown: Literal["apart", "middle", "zero"] = "apart"
    among: str = ""
    weight: float = 0.5
    refit: timedelta = field(default_factory=lambda: timedelta(days=30))


def asked_of(audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Clustering:
    """The options of an audience, those of the audience it is a cluster `of`, with columns by their ids."""
    own = options_of(Clustering, audience)
    if own.of:
        other = definitions.find(Audience, own.of)
        if replace(own, of="", cluster=None) != Clustering():
            raise bad(audience, "of", own.of, "the only option beside cluster: the others stand in that audience")
        if other.selector != "clusters" or other.options.get("of"):
            raise bad(audience, "of", own.of, "an audience with the selector clusters and columns of its own")
        own = replace(options_of(Clustering, other), cluster=own.cluster)
    if not own.columns:
        raise BadDefinition(NO_COLUMNS, name=audience.id)
    _check(audience, own)
    columns = columns_named(own.columns, lexicon)
    logs = columns_named(own.log, lexicon)
    if not set(logs) <= set(columns):
        raise bad(audience, "log", ", ".join(own.log), "among the columns")
    return replace(own, columns=columns, log=tuple(sorted(logs)))


def _check(audience: Audience, own: Clustering) -> None:
    tests = (
        ("k", own.k, own.k is None or 2 <= own.k <= 100, "a whole number from 2 to 100"),
        ("most", own.most, 2 <= own.most <= 30, "a whole number from 2 to 30"),
        ("stable", own.stable, 0 < own.stable <= 1, "a number above 0, at most 1"),
        ("weight", own.weight, own.weight > 0, "a number above 0"),
        ("refit", own.refit, own.refit >= timedelta(days=1), "one day or more"),
        ("cluster", own.cluster, own.cluster is None or own.cluster >= 1, "the number of a cluster, from 1"),
        ("columns", ", ".join(own.columns), len(set(own.columns)) == len(own.columns), "columns named once"),
    )
    for option, value, is_right, bound in tests:
        if not is_right:
            raise bad(audience, option, value, bound)


def reads_of(audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
    """The columns clusters are made of, and the audience they are made among."""
    asked, of = asked_of(audience, definitions, lexicon), options_of(Clustering, audience).of
    among = (rule_named(asked.among, lexicon),) if asked.among else ()
    return Reads(frozenset(asked.columns), (*among, *((In(definitions.find(Audience, of).id),) if of else ())))


@dataclass(frozen=True, slots=True)
class Put:
    """Everybody's cluster: `labels` of shape (size of the gallery,), 0 for those in none; the fit, and how many of the
    customers it is made of are in no cluster for want of an answer."""

    labels: npt.NDArray[np.int16]
    fit: Fit
    unknown: int


def put(audience: Audience, ground: Ground) -> Put:
    """The cluster of everybody; learned anew where the fit in use is older than `refit`."""
    asked = asked_of(audience, ground.definitions, ground.lexicon)
    name = "clusters-" + version_of(as_mapping(replace(asked, cluster=None)))
    if name in ground.kept:
        found: Put = ground.kept[name]
        return found
    base = unpack(
        from_bitmap(ground.members_of(asked.among), ground.version.size)
        if asked.among
        else ground.version.living_words,
        ground.version.size,
    )
    fit = ground.shelf.latest(name, ground.asof)
    if fit is None or ground.asof - fit.asof >= asked.refit:
        fit = _learn(audience, asked, ground, base, Fit(name, ground.asof, {}), fit)
        ground.shelf.keep(fit)
    labels = _labels(ground, fit, base)
    ground.kept[name] = Put(labels, fit, int(np.count_nonzero(base)) - int(np.count_nonzero(labels)))
    return put(audience, ground)


def members(audience: Audience, ground: Ground) -> npt.NDArray[np.bool_]:
    """Who is in the cluster asked for, or in any: shape (size of the gallery,)."""
    found = put(audience, ground)
    label = asked_of(audience, ground.definitions, ground.lexicon).cluster
    if label is None:
        return found.labels > 0
    known = sorted(found.fit.body["labels"])
    if label not in known:
        raise Lacking(NO_CLUSTER, name=audience.id, label=label, known=", ".join(map(str, known)))
    chosen: npt.NDArray[np.bool_] = found.labels == label
    return chosen


# ---------------------------------------------------------------------------------------------------------- learning


def _learn(
    audience: Audience, asked: Clustering, ground: Ground, base: npt.NDArray[np.bool_], blank: Fit, before: Fit | None
) -> Fit:
    """A new fit; with the one before, its number of clusters, its centres to begin with, and its labels."""
    numbers = _sample(np.flatnonzero(base), blank.name)
    day = day_of(ground.asof, ground.lexicon.zone)
    table, rows, known = learned_table(
        ground.version, asked.columns, numbers, day, log=asked.log, scale=asked.scale, unknown=asked.unknown
    )
    kept = rows.take(np.flatnonzero(known))
    rng = np.random.default_rng(salt(blank.name))
    k = len(before.body["labels"]) if before else asked.k
    tried: tuple[Stability, ...] = ()
    try:
        tried = _tried(kept, k, asked, rng)
        found = chosen_k(tried, asked.stable)
        begin = _carried(before, table) if before else None
        done = cluster(kept, found.k, rng, weight=asked.weight, begin=begin)
    except BadInput:
        columns = ", ".join(asked.columns)
        raise Lacking(NOBODY, name=audience.id, found=len(kept), columns=columns, k=k or 2) from None
    labels = _named(done.labels, found.k, kept, numbers[known], before, ground)
    body = {
        "table": table.as_mapping(),
        "means": done.centres.means.tolist(),
        "modes": done.centres.modes.tolist(),
        "weight": asked.weight,
        "labels": labels,
        "stability": as_mapping(found) | {"k": found.k},
        "tried": [[one.k, one.mean, one.low] for one in tried],
        "rows": len(kept),
        "passes": done.passes,
    }
    return replace(blank, body=body)


def _sample(numbers: npt.NDArray[np.int64], name: str) -> npt.NDArray[np.int64]:
    """At most MOST_ROWS customers, those whose hash is smallest: a newcomer hardly changes who is drawn."""
    if numbers.size <= MOST_ROWS:
        return numbers
    drawn = shares(numbers, salt(name))
    return np.sort(numbers[np.argpartition(drawn, MOST_ROWS)[:MOST_ROWS]])


def _tried(rows: Rows, k: int | None, asked: Clustering, rng: np.random.Generator) -> tuple[Stability, ...]:
    """The stability of the k asked for, or of every k that the rows allow."""
    if k is not None:
        return (stability(rows, k, rng, weight=asked.weight),)
    found: list[Stability] = []
    for each in range(2, asked.most + 1):
        try:
            found.append(stability(rows, each, rng, weight=asked.weight))
        except BadInput:
            if not found:
                raise
            break
    return tuple(found)


def _named(
    now: npt.NDArray[np.int32], k: int, rows: Rows, numbers: npt.NDArray[np.int64], before: Fit | None, ground: Ground
) -> list[int]:
    """The label of each cluster: 1 for the largest on, or those of the fit before that share most customers."""
    if before is None:
        order = np.argsort(-np.bincount(now, minlength=k), kind="stable")
        ranks = np.empty(k, np.int64)
        ranks[order] = np.arange(1, k + 1)
        return [int(label) for label in ranks]
    earlier, is_known = _put(ground, before, numbers)
    old = list(before.body["labels"])
    pairs = matched(earlier[is_known], now[is_known], k)
    fresh = iter(range(max(old) + 1, max(old) + 1 + k))
    return [int(old[at]) if at >= 0 else next(fresh) for at in pairs]


def _carried(before: Fit, table: Table) -> Centres:
    """The centres of a fit in the scales and words of another."""
    old = Table.of(before.body["table"])
    return Centres(
        table.scaled(old.plain(np.array(before.body["means"], np.float64))),
        table.recoded(old, np.array(before.body["modes"], np.int32)),
        float(before.body["weight"]),
    )


# ---------------------------------------------------------------------------------------------------------- putting


def centres_of(fit: Fit) -> Centres:
    """The centres of a fit."""
    body: dict[str, Any] = dict(fit.body)
    k = len(body["labels"])
    return Centres(
        np.array(body["means"], np.float64).reshape(k, -1),
        np.array(body["modes"], np.int32).reshape(k, -1),
        float(body["weight"]),
    )


def _put(
    ground: Ground, fit: Fit, numbers: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    day = day_of(ground.asof, ground.lexicon.zone)
    rows, known = read_rows(Table.of(fit.body["table"]), ground.version, numbers, day)
    with one_thread():
        return nearest(rows, centres_of(fit))[0], known


def _labels(ground: Ground, fit: Fit, base: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    labels = np.zeros(base.size, np.int16)
    table, centres = Table.of(fit.body["table"]), centres_of(fit)
    names = np.array(fit.body["labels"], np.int16)
    day = day_of(ground.asof, ground.lexicon.zone)
    with one_thread():
        for first in range(0, base.size, BLOCK):
            last = min(first + BLOCK, base.size)
            if not base[first:last].any():
                continue
            rows, known = read_block(table, ground.version, first, last, day)
            found = names[nearest(rows, centres)[0]]
            labels[first:last] = np.where(known & base[first:last], found, 0)
    return labels
