"""How like some rows are to others that are known: a card of gains, learned from seeds and a sample of the pool.

Each column is cut into a few bins (unknown is one of its own); a bin's gain is its weight of evidence, the log of its
share among the seeds over its share in the pool, drawn towards none where there are few rows; a logistic regression
weighs the columns. So a score is a sum of looked-up numbers, and says what it is made of.

The pool holds rows like the seeds that nobody has marked: learning from positive and unlabelled rows (Elkan, Noto
2008). Their order is that of the true chance as long as the seeds are no special kind of them; chances are known up to
a factor, so likeness is given in units of the average seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from limner.maths.calibration import Calibration, logit
from limner.maths.calibration import fit as calibrate
from limner.maths.extras import need, one_thread
from limner.maths.ranking import auc

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

BINS: Final = 16
_DRAWN: Final = 3.0
"""What is believed of a bin before it is looked at: none, as firmly as so many seeds and as many others would say."""
_TREES: Final = {
    "objective": "binary", "learning_rate": 0.08, "num_leaves": 15, "min_data_in_leaf": 40,
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
_ROUNDS: Final = 120
_MOST_ROWS: Final = 40_000
"""Rows trees are learned on when it is not certain that they will be used."""
_BETTER: Final = 0.005
"""What trees must add to the area under the curve to be worth what they cost."""


@dataclass(frozen=True, slots=True)
class Bins:
    """How a column is cut: a value's bin is how many `edges` lie below it; the bin after the last is unknown."""

    edges: tuple[float, ...]

    @property
    def many(self) -> int:
        """How many bins, unknown counted."""
        return len(self.edges) + 2

    def codes(self, stored: Array, known: Bools | None) -> Codes:
        """The bin of each value, shape (n,); `known` is None when all are.

        >>> Bins((1.5,)).codes(np.array([1, 2, 0]), np.array([True, True, False])).tolist()
        [0, 1, 2]
        """
        found = np.zeros(stored.size, np.uint8)
        for edge in self.edges:
            found += stored > _bound(edge, stored.dtype)
        if known is not None:
            found[~known] = len(self.edges) + 1
        return found


def _bound(edge: float, dtype: np.dtype[Any]) -> Any:
    """An edge in a column's own type, so that comparing needs no conversion: x > 2.5 is x > 2 for whole numbers."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(min(max(np.floor(edge), limits.min), limits.max))
    return dtype.type(edge) if dtype.kind == "f" else edge


def bins_of(stored: Array, known: Bools, most: int = BINS) -> Bins:
    """Bins of about equally many rows; few different values keep a bin each.

    >>> bins_of(np.array([0, 0, 1, 5]), np.ones(4, np.bool_)).edges
    (0.0, 1.0)
    """
    seen = np.unique(stored[known])
    if seen.size > most:
        cuts = np.quantile(stored[known], np.arange(1, most) / most, method="inverted_cdf")
        seen = np.unique(np.append(cuts, stored[known].max()))
    return Bins(tuple(float(value) for value in seen[:-1]))


def evidence(codes: Codes, is_seed: Bools, many: int) -> Floats:
    """The weight of evidence of each bin, shape (many,); its variance is that of a log ratio of two counts."""
    seeds, others = (np.bincount(codes[mask], minlength=many) for mask in (is_seed, ~is_seed))
    shares = [(tally + 0.5) / (tally.sum() + 0.5 * many) for tally in (seeds, others)]
    rows = 1 / (1 / (seeds + 0.5) + 1 / (others + 0.5))
    found: Floats = np.log(shares[0] / shares[1]) * rows / (rows + _DRAWN)
    return found


@dataclass(frozen=True, slots=True)
class Card:
    """What each bin of each column adds to the log odds of being a seed, and what is there before."""

    bins: tuple[Bins, ...]
    gains: tuple[Floats, ...]
    start: float

    def score(self, codes: Sequence[Codes]) -> Singles:
        """The sums of gains of rows of bins, one array of shape (n,) per column."""
        found = np.full(codes[0].size, self.start, np.float32)
        for gains, code in zip(self.gains, codes, strict=True):
            found += gains.astype(np.float32)[code]
        return found


@dataclass(frozen=True, slots=True)
class Likeness:
    """A learned likeness: the card, trees where they tell seeds from others better, how both do on rows held out, and
    what a score is worth."""

    card: Card
    trees: Any | None
    card_auc: float
    trees_auc: float | None
    chance: Calibration
    usual: float
    low: float
    high: float
    prior: float
    alone: tuple[float, ...]

    def score(self, codes: Sequence[Codes]) -> Singles:
        """Scores of rows of bins: higher for more alike."""
        if self.trees is None:
            return self.card.score(codes)
        return logit(_told(self.trees, codes)).astype(np.float32)

    def level(self, scores: Singles) -> npt.NDArray[np.uint16]:
        """Scores as one of 65,536 levels between the least and the most that were seen in the sample."""
        place = (scores - np.float32(self.low)) * np.float32(65_535 / max(self.high - self.low, 1e-6))
        found: npt.NDArray[np.uint16] = np.clip(np.rint(place), 0, 65_535).astype(np.uint16)
        return found

    def likeness(self, levels: npt.NDArray[np.integer]) -> Floats:
        """How like the seeds: 1 for the average seed and beyond, shape (n,) to shape (n,)."""
        scores = self.low + np.asarray(levels, np.float64) * (self.high - self.low) / 65_535
        return np.minimum(1.0, _marked(self.chance, scores, self.prior) / self.usual)

    def as_mapping(self) -> dict[str, Any]:
        """As plain JSON values; `likeness_of` them scores alike."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return plain | {
            "bins": [one.edges for one in self.card.bins],
            "gains": [gains.tolist() for gains in self.card.gains],
            "start": self.card.start,
            "trees": None if self.trees is None else self.trees.model_to_string(),
            "chance": [self.chance.method, self.chance.inputs, self.chance.outputs],
        }


_PLAIN: Final = ("card_auc", "trees_auc", "usual", "low", "high", "prior", "alone")


def likeness_of(body: Mapping[str, Any]) -> Likeness:
    """A likeness from what `as_mapping` said."""
    card = Card(
        tuple(Bins(tuple(edges)) for edges in body["bins"]),
        tuple(np.array(gains, np.float64) for gains in body["gains"]),
        float(body["start"]),
    )
    text = body["trees"]
    trees = None if text is None else need("lightgbm", extra="ml").Booster(model_str=text)
    method, inputs, outputs = body["chance"]
    plain = {name: body[name] for name in _PLAIN} | {"alone": tuple(body["alone"])}
    return Likeness(card, trees, chance=Calibration(method, tuple(inputs), tuple(outputs)), **plain)


def _marked(chance: Calibration, scores: npt.NDArray[Any], prior: float) -> Floats:
    """The chance to be marked as a seed, in the whole pool and not in the sample."""
    p = np.clip(chance.apply(_chance(scores)), 0.0, 1 - 1e-9)
    odds = p / (1 - p) * prior
    return np.asarray(odds / (1 + odds), np.float64)


def _chance(scores: npt.NDArray[Any]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores.astype(np.float64))), np.float64)


def learn(
    bins: Sequence[Bins],
    codes: Sequence[Codes],
    is_seed: Bools,
    is_aside: Bools,
    *,
    method: str,
    seed: int,
    prior: float = 1.0,
) -> Likeness:
    """Learn from rows of bins, of which those `is_aside` are held out; method `linear`, `trees`, or `auto`: the card
    unless trees tell seeds from others better on the rows held out. `prior` is how many times the odds of being a seed
    in the sample they are in the whole."""
    here = ~is_aside
    card = _card(bins, [code[here] for code in codes], is_seed[here])
    held = [code[is_aside] for code in codes]
    answers = is_seed[is_aside]
    card_auc = auc(card.score(held), answers) or 0.5
    trees, trees_auc = None, None
    if method != "linear":
        some = np.flatnonzero(here)
        some = some[:: -(-some.size // _MOST_ROWS)] if method == "auto" else some
        trees = _trees(np.column_stack([code[some] for code in codes]), is_seed[some], seed)
        trees_auc = auc(_told(trees, held), answers) or 0.5
        if method == "auto" and trees_auc < card_auc + _BETTER:
            trees = None
    alone = tuple(told_alone(code, is_seed, one.many) for one, code in zip(bins, codes, strict=True))
    blank = Likeness(
        card, trees, card_auc, trees_auc, Calibration("platt", (), (1.0, 0.0)), 1.0, 0.0, 1.0, prior, alone
    )
    return _calibrated(blank, codes, held, answers)


def _calibrated(made: Likeness, codes: Sequence[Codes], held: Sequence[Codes], answers: Bools) -> Likeness:
    whole, scores = made.score(codes), made.score(held)
    room = 0.1 * float(whole.max() - whole.min()) + 1e-3
    chance = calibrate(_chance(scores), answers)
    usual = float(_marked(chance, scores[answers], made.prior).mean())
    low, high = float(whole.min()) - room, float(whole.max()) + room
    return replace(made, chance=chance, usual=max(usual, 1e-12), low=low, high=high)


def _card(bins: Sequence[Bins], codes: Sequence[Codes], is_seed: Bools) -> Card:
    weights = [evidence(code, is_seed, one.many) for one, code in zip(bins, codes, strict=True)]
    matrix = np.column_stack([weight[code] for weight, code in zip(weights, codes, strict=True)])
    linear = need("sklearn.linear_model", extra="ml").LogisticRegression(C=1.0, max_iter=200)
    with one_thread():
        linear.fit(matrix, is_seed)
    gains = tuple(float(b) * weight for b, weight in zip(linear.coef_[0], weights, strict=True))
    return Card(tuple(bins), gains, float(linear.intercept_[0]))


def _trees(matrix: Codes, is_seed: Bools, seed: int) -> Any:
    boosted = need("lightgbm", extra="ml")
    rows = boosted.Dataset(matrix, is_seed.astype(np.float32), params={"verbosity": -1})
    return boosted.train({**_TREES, "seed": seed % 2**31}, rows, num_boost_round=_ROUNDS)


def _told(trees: Any, codes: Sequence[Codes]) -> Floats:
    """What trees say the chance is that rows of bins are seeds."""
    return np.asarray(trees.predict(np.column_stack(codes), num_threads=1), np.float64)


def told_alone(codes: Codes, is_seed: Bools, many: int) -> float:
    """How well one column alone tells seeds from others, by the evidence of its bins: an area under the curve of at
    least one half.

    >>> told_alone(np.array([0, 0, 1, 1], np.uint8), np.array([False, False, True, True]), 3)
    1.0
    """
    order = np.argsort(evidence(codes, is_seed, many))
    seeds, others = (np.bincount(codes[mask], minlength=many)[order] for mask in (is_seed, ~is_seed))
    below = np.cumsum(others) - others / 2
    found = float((seeds * below).sum() / max(1, int(seeds.sum()) * int(others.sum())))
    return max(found, 1 - found)
