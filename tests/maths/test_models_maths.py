from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from limner.core.errors import BadInput
from limner.maths import calibration
from limner.maths.asof_training import Slice, slices, split
from limner.maths.calibration import brier, ece, fit
from limner.maths.ranking import auc, decile_lift

metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_auc_equals_sklearn_with_and_without_ties(decimals):
    rng = np.random.default_rng(1)
    score = rng.random(3_000).round(decimals)
    answer = rng.random(3_000) < score
    assert auc(score, answer) == pytest.approx(metrics.roc_auc_score(answer, score), abs=1e-12)


def test_auc_of_one_answer_is_unknown():
    assert auc([0.1, 0.2], [1, 1]) is None
    assert auc([], []) is None
    with pytest.raises(BadInput):
        auc([0.1], [1, 0])


def test_decile_lift():
    rng = np.random.default_rng(2)
    score = rng.random(10_000)
    answer = rng.random(10_000) < score**3
    lift = decile_lift(score, answer)
    top = answer[np.argsort(-score)[:1000]].mean() / answer.mean()
    assert lift[0] == pytest.approx(top)
    assert np.mean(lift) == pytest.approx(1)
    assert decile_lift(np.ones(50), [1] * 5 + [0] * 45) == pytest.approx([1.0] * 10)
    assert decile_lift([1, 2], [0, 0]) == ()


def test_brier_equals_sklearn():
    rng = np.random.default_rng(3)
    score = rng.random(500)
    answer = rng.random(500) < score
    assert brier(score, answer) == pytest.approx(metrics.brier_score_loss(answer, score))
    assert brier([], []) is None


def test_ece_of_true_probabilities_is_the_noise_of_its_bins():
    """Ten bins of 5,000: the mean gap is the mean of their half-normal laws, here over 60 samples."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        score = rng.random(50_000) * 0.2
        found.append(ece(score, rng.random(50_000) < score))
    rates = np.linspace(0.01, 0.19, 10)
    assert np.mean(found) == pytest.approx((np.sqrt(rates * (1 - rates) / 5_000 * 2 / np.pi)).mean(), rel=0.1)


def test_ece_sees_a_shift():
    rng = np.random.default_rng(7)
    score = rng.random(50_000) * 0.2
    answer = rng.random(50_000) < score
    assert ece(score + 0.05, answer) == pytest.approx(0.05, abs=0.006)
    assert ece(np.full(100, 0.5), np.arange(100) < 30) == pytest.approx(0.2)
    assert ece([], []) is None


@pytest.mark.parametrize(("n", "method"), [(40_000, "isotonic"), (2_000, "platt")])
def test_a_calibration_puts_scores_right_and_keeps_their_order(n, method):
    rng = np.random.default_rng(5)
    truth = rng.beta(1, 8, 2 * n)
    raw = 1 / (1 + np.exp(-(0.5 * calibration.logit(truth) + 1.0)))
    answer = rng.random(2 * n) < truth
    found = fit(raw[:n], answer[:n])
    assert found.method == method
    put_right = found.apply(raw[n:])
    assert ece(put_right, answer[n:]) < 0.02 < ece(raw[n:], answer[n:])
    ordered = np.argsort(raw[n:])
    assert (np.diff(put_right[ordered]) >= 0).all()
    assert put_right.min() >= 0
    assert put_right.max() <= 1


def test_a_calibration_needs_both_answers():
    with pytest.raises(BadInput):
        fit([0.1, 0.2], [0, 0])


SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_slices_meet_and_stop_at_the_last_midnight():
    asof = datetime(2026, 9, 1, 3, tzinfo=UTC)
    found = slices(asof, timedelta(days=30), 4, SHANGHAI)
    assert [one.until for one in found[:-1]] == [one.asof for one in found[1:]]
    assert found[-1].until == datetime(2026, 8, 31, 16, tzinfo=UTC)
    assert split(found, asof).all == found
    assert len(split(found, asof).fit) == 2


def test_slices_over_a_change_of_clocks_are_whole_local_days():
    found = slices(datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=30), 3, ZoneInfo("Europe/Berlin"))
    assert all(one.asof.astimezone(ZoneInfo("Europe/Berlin")).hour == 0 for one in found)


def test_leaks_are_refused():
    day = datetime(2026, 1, 1, tzinfo=UTC)
    apart = [Slice(day + timedelta(days=7 * k), day + timedelta(days=7 * k + 7)) for k in range(3)]
    with pytest.raises(BadInput, match="meets features"):
        split(apart, day + timedelta(days=20))
    with pytest.raises(BadInput, match="meets features"):
        split([Slice(apart[0].asof, apart[1].until), *apart[1:]], day + timedelta(days=60))
    with pytest.raises(BadInput, match="at least 3"):
        split(apart[:2], day + timedelta(days=60))
    with pytest.raises(BadInput, match="whole days"):
        slices(day, timedelta(hours=30), 3, UTC)
    with pytest.raises(BadInput, match="at least 3"):
        slices(day, timedelta(days=3), 2, UTC)
