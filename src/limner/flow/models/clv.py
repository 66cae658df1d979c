"""Customer lifetime value: purchases to come by BG/NBD or Pareto/NBD, what each is worth by Gamma-Gamma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.flow.models.purchases import Buyers, Foreseen, Purchases, buyers, history_kind
from limner.maths import bg_nbd, gamma_gamma, pareto_nbd
from limner.maths.bg_nbd import BgNbd
from limner.maths.histories import WEEK, Histories, histories
from limner.maths.likelihood import Peak
from limner.maths.pareto_nbd import ParetoNbd

if TYPE_CHECKING:
    from types import ModuleType

    from limner.core.ours import Model

TOO_FEW_REPEATS = words(
    "clv_too_few_repeats",
    "Model {model!r} cannot be learned: only {count} customers bought on a second day, and it takes {least}. "
    "Wait, or name a commoner event than {event!r}.",
)
BAD_CLV_OPTION = words("clv_option_bad", "Model {model!r}: the option {name} is {value!r}, it must be {bound}.")

LEAST = 100
"""Customers with a repeat purchase that a fit must have."""
MOVES: Final = 0.3
"""A correlation of frequency and spend beyond which Gamma-Gamma is told to be strained."""
_OPTIONS: Final[Mapping[str, tuple[float, float, float]]] = {"margin": (1.0, 0.0, 1.0), "weeks": (13, 1, 104)}
METHODS: Final[Mapping[str, ModuleType]] = {"bg_nbd": bg_nbd, "pareto_nbd": pareto_nbd}
"""How customers come and go: they may leave after a purchase, or at any moment. The first is usual."""
_STEP: Final = 1e-4
_Z: Final = 1.959963984540054


@history_kind("clv")
class Clv:
    """Columns ID (expected value within the horizon), ID.purchases and ID.alive, of customers with a purchase.

    `options` of the definition: `margin`, the share of what is paid that counts (1), `weeks` held out for the tracking
    table (13), and `method` (bg_nbd, pareto_nbd). The value is unknown where the amounts cannot carry it; the card says
    why.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scipy", "numpy")

    def foresee(self, model: Model, past: Purchases) -> Foreseen:
        """Fit on everything before the asof, and again without the last weeks to see how well it would have told
        them."""
        options, method = _options(model), _method(model)
        weeks = model.horizon.days / WEEK
        found = buyers(past)
        if (count := int((found.repeats > 0).sum())) < LEAST:
            raise BadInput(TOO_FEW_REPEATS, model=model.id, count=count, least=LEAST, event=model.event)
        rows, place = histories(found.repeats, found.last, found.age)
        chance, top = METHODS[method].fit(rows)
        expected = chance.expected(rows, weeks)
        columns = {"alive": chance.alive(rows)[place], "purchases": expected[place]}
        worth = _worth(found)
        if "each" in worth:
            columns[""] = columns["purchases"] * worth.pop("each") * options["margin"]
            worth["total"] = round(float(columns[""].sum()), 2)
        card = {
            "buyers": len(found.numbers),
            "repeat_buyers": count,
            "method": method,
            "parameters": _told(METHODS[method].NAMES, top),
            "log_likelihood": round(top.likelihood, 4),
            "purchases": _total(rows, chance, expected, top, weeks),
            "alive": round(float(columns["alive"].sum()), 2),
            "value": worth,
            "tracking": _tracked(past, method, int(options["weeks"])),
            "margin": options["margin"],
        }
        return Foreseen(found.numbers, columns, card)


def _options(model: Model) -> dict[str, float]:
    if model.features:
        raise BadDefinition(
            BAD_CLV_OPTION, model=model.id, name="features", value=list(model.features), bound="left out: it reads none"
        )
    found = {name: usual for name, (usual, _, _) in _OPTIONS.items()}
    for name, value in model.options.items():
        if name == "method":
            continue
        if name not in _OPTIONS:
            known = (*_OPTIONS, "method")
            bound = "left out; known options: " + ", ".join(known)
            raise BadDefinition(
                BAD_CLV_OPTION, near=near(name, known), model=model.id, name=name, value=value, bound=bound
            )
        _, least, most = _OPTIONS[name]
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
        if not least <= number <= most or (name == "weeks" and not isinstance(value, int)):
            bound = f"a {'whole ' if name == 'weeks' else ''}number from {least:g} to {most:g}"
            raise BadDefinition(BAD_CLV_OPTION, model=model.id, name=name, value=value, bound=bound)
        found[name] = float(number)
    return found


def _method(model: Model) -> str:
    method = model.options.get("method", "bg_nbd")
    if not isinstance(method, str) or method not in METHODS:
        bound = ", ".join(METHODS)
        raise BadDefinition(
            BAD_CLV_OPTION, near=near(str(method), METHODS), model=model.id, name="method", value=method, bound=bound
        )
    return method


def _told(names: tuple[str, ...], top: Peak) -> list[dict[str, Any]]:
    """Each parameter with its 95 % interval; without one where the purchases cannot tell it."""
    ends = top.intervals or ((None, None),) * len(names)
    return [
        {"name": name, "value": round(value, 6)}
        | {"low": None if low is None else round(low, 6), "high": None if high is None else round(high, 6)}
        for name, value, (low, high) in zip(names, top.values, ends, strict=True)
    ]


def _total(rows: Histories, chance: BgNbd | ParetoNbd, expected: Any, top: Peak, weeks: float) -> dict[str, Any]:
    """The purchases of all within the horizon, with the 95 % interval of their mean that the parameters leave open."""
    total = float((expected * rows.customers).sum())
    if top.covariance is None:
        return {"total": round(total, 2), "low": None, "high": None}
    logs = np.log(top.values)
    slope = np.empty(len(logs))
    for at in range(len(logs)):
        ends = []
        for sign in (1, -1):
            moved = logs.copy()
            moved[at] += sign * _STEP
            ends.append(float((type(chance)(*np.exp(moved)).expected(rows, weeks) * rows.customers).sum()))
        slope[at] = (ends[0] - ends[1]) / (2 * _STEP)
    half = _Z * max(0.0, float(slope @ top.covariance @ slope)) ** 0.5
    return {"total": round(total, 2), "low": round(max(0.0, total - half), 2), "high": round(total + half, 2)}


def _worth(found: Buyers) -> dict[str, Any]:
    """What a purchase of each buyer is worth (`each`), or why that cannot be said."""
    is_known = (found.repeats > 0) & (found.mean > 0)
    if (count := int(is_known.sum())) < LEAST:
        return {"state": "refused", "why": "too_few_amounts", "count": count, "least": LEAST}
    try:
        model, top = gamma_gamma.fit(found.repeats, found.mean)
    except BadInput as refusal:
        return {"state": "refused", "why": refusal.code}
    moves = gamma_gamma.together_move(found.repeats, found.mean)
    told = {"parameters": _told(gamma_gamma.NAMES, top), "moves_with_frequency": moves}
    if model.mean is None:
        return {"state": "refused", "why": "no_finite_mean", **told}
    strained = moves is not None and abs(moves) > MOVES
    each = model.value(found.repeats, found.mean)
    return {"state": "learned", "mean": round(model.mean, 4), "is_strained": strained, **told, "each": each}


def _tracked(past: Purchases, method: str, weeks: int) -> dict[str, Any]:
    """Repeat purchases by week after a fit that saw none of these weeks, by those who had bought before: cumulative,
    expected and observed; or why there is no such table."""
    cut = past.day - weeks * WEEK
    before = buyers(past.until(cut))
    if (count := int((before.repeats > 0).sum())) < LEAST:
        return {"state": "refused", "why": "too_few_repeats", "count": count, "least": LEAST}
    try:
        model, _ = METHODS[method].fit(histories(before.repeats, before.last, before.age)[0])
    except BadInput as refusal:
        return {"state": "refused", "why": refusal.code}
    births, many = np.unique(before.first, return_counts=True)
    days = past.days[np.isin(past.numbers, before.numbers)]
    rows = []
    for week in range(1, weeks + 1):
        until = cut + week * WEEK
        expected = float((model.repeats((until - births) / WEEK) * many).sum())
        observed = int((days < until).sum()) - len(before.numbers)
        rows.append({"week": week, "expected": round(expected, 2), "observed": observed})
    worst = max((abs(row["expected"] / row["observed"] - 1) for row in rows if row["observed"]), default=0.0)
    return {"state": "held_out", "weeks": rows, "worst_error": round(worst, 4)}
