"""BG/NBD and Gamma-Gamma: the published parameters of the CDNOW sample, closed forms against integrals, planted truth."""

from __future__ import annotations

import importlib.util
import os
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special

from limner.core.errors import BadInput
from limner.maths import bg_nbd, gamma_gamma, pareto_nbd
from limner.maths.bg_nbd import BgNbd
from limner.maths.gamma_gamma import GammaGamma
from limner.maths.histories import histories
from limner.maths.pareto_nbd import ParetoNbd

END, LATER = date(1997, 9, 30), date(1998, 6, 30)


def cdnow_file():
    """The published 1/10 sample, one purchase a line, from the test folder or from a package that carries it."""
    own = Path(os.environ.get("LIMNER_TEST_DATA", "")) / "cdnow" / "CDNOW_sample.txt"
    package = importlib.util.find_spec("lifetimes")
    beside = Path(package.origin).parent / "datasets" / "CDNOW_sample.txt" if package and package.origin else own
    return next((file for file in (own, beside) if file.is_file()), None)


@pytest.fixture(scope="module")
def cdnow():
    """Spend by customer and day."""
    file = cdnow_file()
    if file is None:
        pytest.skip("neither LIMNER_TEST_DATA/cdnow nor the package lifetimes holds CDNOW_sample.txt")
    found = defaultdict(lambda: defaultdict(float))
    for line in file.read_text().splitlines():
        _, customer, day, _, amount = line.split()
        found[customer][datetime.strptime(day + "+0000", "%Y%m%d%z").date()] += float(amount)
    return found


def summary(buyers, end):
    rows = []
    for spent in buyers.values():
        days = sorted(day for day in spent if day <= end)
        mean = sum(spent[day] for day in days[1:]) / max(1, len(days) - 1)
        rows.append((len(days) - 1, (days[-1] - days[0]).days, (end - days[0]).days, mean))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def test_the_published_parameters_of_cdnow(cdnow):
    x, last, age, mean = summary(cdnow, END)
    found, _ = histories(x, last, age)
    model, top = bg_nbd.fit(found)
    assert found.total == 2_357
    assert (round(model.r, 3), round(model.alpha, 3), round(model.a, 3), round(model.b, 3)) == (
        0.243,
        4.414,
        0.793,
        2.426,
    )
    assert top.likelihood == pytest.approx(-9582.4, abs=0.05)
    assert all(low < value < high for value, (low, high) in zip(top.values, top.intervals, strict=True))
    value, _ = gamma_gamma.fit(x, mean)
    assert (round(value.p, 2), round(value.q, 2), round(value.gamma, 2)) == (6.25, 3.74, 15.44)


def test_the_published_parameters_of_cdnow_by_pareto(cdnow):
    """Fader, Hardie and Lee 2005, table 2, where the likelihood is −9,595.0."""
    x, last, age, _ = summary(cdnow, END)
    model, top = pareto_nbd.fit(histories(x, last, age)[0])
    found = (round(model.r, 3), round(model.alpha, 3), round(model.s, 3), round(model.beta, 3))
    assert found == pytest.approx((0.553, 10.578, 0.606, 11.669), abs=0.0011)
    assert top.likelihood == pytest.approx(-9595.0, abs=0.05)
    assert all(low < value < high for value, (low, high) in zip(top.values, top.intervals, strict=True))


PARETOS = [ParetoNbd(0.553, 10.578, 0.606, 11.669), ParetoNbd(2.0, 1.0, 0.3, 50.0), ParetoNbd(0.3, 80.0, 2.0, 1.5)]


@pytest.mark.parametrize("model", PARETOS)
@pytest.mark.parametrize(("x", "last", "age"), [(0, 0, 1), (0, 0, 700), (3, 20, 300), (3, 280, 300), (90, 600, 601)])
def test_pareto_equals_integrals_over_customers(model, x, last, age):
    """The likelihood with the moment of leaving integrated, the purchases of a year with the rate of leaving."""
    found, _ = histories([x], [last], [age])
    t, whole = found.last[0], found.age[0]

    def left(y):
        return np.exp(-(model.r + x) * np.log((model.alpha + y) / (model.alpha + t)) -
                      (model.s + 1) * np.log((model.beta + y) / (model.beta + t)))  # fmt: skip

    lead = -(model.r + x) * np.log(model.alpha + t) - (model.s + 1) * np.log(model.beta + t)
    gone = model.s * np.exp(lead) * integrate.quad(left, t, whole, epsrel=1e-11, limit=500)[0]
    here = np.exp(-(model.r + x) * np.log(model.alpha + whole) - model.s * np.log(model.beta + whole))
    assert model.alive(found)[0] == pytest.approx(here / (here + gone), rel=3e-4)

    def stays(m):
        chance = m ** (model.s - 1) * np.exp(-m * (model.beta + whole)) * (model.beta + whole) ** model.s
        return chance / special.gamma(model.s) * -np.expm1(-m * 52) / m

    rate = (model.r + x) / (model.alpha + whole)
    weeks = sum(integrate.quad(stays, *ends, epsrel=1e-10, limit=500)[0] for ends in ((0, 0.1), (0.1, np.inf)))
    assert model.expected(found, 52.0)[0] == pytest.approx(rate * weeks * model.alive(found)[0], rel=1e-5)


def test_the_slope_of_pareto_is_that_of_its_height():
    rng = np.random.default_rng(4)
    age = rng.integers(1, 500, 300)
    x = rng.poisson(2, 300)
    last = np.where(x > 0, (age * rng.random(300)).astype(int), 0)
    slope = pareto_nbd._Slope(histories(x, last, age)[0])
    for model in PARETOS:
        at = np.array([model.r, model.alpha, model.s, model.beta])
        told = slope(at)[1]
        for place in range(4):
            step = np.zeros(4)
            step[place] = at[place] * 1e-5
            asked = (slope(at + step)[0] - slope(at - step)[0]) / (2 * step[place])
            assert told[place] == pytest.approx(asked, rel=1e-3, abs=1e-6)


def test_cdnow_in_the_weeks_after_the_fit(cdnow):
    """Cumulative repeat purchases of the 39 weeks that were held out stay within 5 % of what was expected."""
    x, last, age, _ = summary(cdnow, END)
    model, _ = bg_nbd.fit(histories(x, last, age)[0])
    births = [min(spent) for spent in cdnow.values()]
    again = [day for spent in cdnow.values() for day in sorted(spent)[1:]]
    for week in range(1, 40):
        until = date.fromordinal(END.toordinal() + 7 * week)
        expected = model.repeats([(until - birth).days / 7 for birth in births]).sum()
        observed = sum(day <= until for day in again)
        assert expected == pytest.approx(observed, rel=0.05)


MODELS = [
    BgNbd(0.243, 4.414, 0.793, 2.426),
    BgNbd(1.5, 3.0, 1.0, 4.0),
    BgNbd(2.0, 6.0, 2.5, 0.4),
    BgNbd(0.6, 9.0, 0.3, 0.3),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weeks", [0.5, 8.0, 52.0])
def test_repeats_equal_the_integral_over_customers(model, weeks):
    """Of a customer who buys at a rate and leaves with a chance p: (1 − exp(−rate × p × t)) / p."""

    def of_chance(p):
        left = np.expm1(-model.r * np.log1p(p * weeks / model.alpha))
        return -left / p if p > 0 else model.r * weeks / model.alpha

    weight = special.beta(model.a, model.b)
    whole, _ = integrate.quad(
        of_chance, 0, 1, weight="alg", wvar=(model.a - 1, model.b - 1), epsabs=1e-12, epsrel=1e-10, limit=200
    )
    assert float(model.repeats(weeks)) == pytest.approx(whole / weight, rel=1e-6)


@pytest.mark.parametrize("x", [0, 1, 7, 400])
def test_expected_purchases_add_up_over_time(x):
    """What is expected in a year is what is expected in each part of it; nobody's chance to be alive leaves 0 to 1."""
    found, _ = histories([x], [0 if not x else 350], [364])
    for model in MODELS:
        year = model.expected(found, 52.0)[0]
        assert 0 < model.expected(found, 26.0)[0] < year < model.expected(found, 104.0)[0]
        assert 0 < model.alive(found)[0] <= 1
        assert model.expected(found, 0.0)[0] == pytest.approx(0, abs=1e-12)


def planted(rng, size, model):
    rate = rng.gamma(model.r, 1 / model.alpha, size)
    leave = rng.beta(model.a, model.b, size)
    age = rng.integers(100, 700, size)
    x, last, later = np.zeros(size, int), np.zeros(size, int), np.zeros(size, int)
    for i in range(size):
        day = 0.0
        while rng.random() >= leave[i] or day == 0.0:
            day += 7 * rng.exponential(1 / rate[i])
            if day >= age[i] + 182:
                break
            if day < age[i]:
                x[i], last[i] = x[i] + 1, int(day)
            else:
                later[i] += 1
    return x, last, age, later


def test_planted_customers_are_told():
    """Over eight markets: intervals that hold the truth, and the purchases of the half year that follows."""
    model = BgNbd(0.8, 6.0, 0.9, 3.0)
    held, expected, bought = 0, 0.0, 0
    for seed in range(4, 12):
        x, last, age, later = planted(np.random.default_rng(seed), 4000, model)
        found, place = histories(x, last, age)
        told, top = bg_nbd.fit(found)
        held += sum(low <= true <= high for true, (low, high) in zip((0.8, 6.0, 0.9, 3.0), top.intervals, strict=True))
        expected, bought = expected + told.expected(found, 26.0)[place].sum(), bought + later.sum()
    assert held >= 27
    assert expected == pytest.approx(bought, rel=0.02)


def test_the_order_of_customers_changes_no_bit():
    x, last, age, _ = planted(np.random.default_rng(5), 500, BgNbd(0.8, 6.0, 0.9, 3.0))
    mix = np.random.default_rng(6).permutation(500)
    first, second = (bg_nbd.fit(histories(x[o], last[o], age[o])[0])[0] for o in (np.arange(500), mix))
    assert first == second


def test_value_is_drawn_towards_the_mean_of_all():
    model = GammaGamma(6.25, 3.74, 15.44)
    none, few, many = model.value([0, 2, 200], [0, 80, 80])
    assert none == pytest.approx(model.mean)
    assert none < few < many < 80
    assert GammaGamma(2.0, 0.9, 5.0).mean is None
    assert np.isnan(GammaGamma(2.0, 0.9, 5.0).value([0], [0])[0])


@pytest.mark.parametrize("wrong", [([1], [9], [8]), ([0], [1], [8]), ([-1], [0], [8]), ([1], [-1], [8])])
def test_a_history_that_cannot_be(wrong):
    with pytest.raises(BadInput, match="purchase history"):
        histories(*wrong)
