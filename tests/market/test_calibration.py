"""The story holds on most seeds: A and C earn, B loses, and stopping B turns the loss into a gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limner_market import STORY, Market
from market.shop_desk import Reading, play_wave

CUSTOMERS = 100_000


def _story(seed: int, folder: Path, waves: int) -> list[list[Reading]]:
    market = Market(CUSTOMERS, seed=seed)
    market.write(folder, formats="plain")
    rng = np.random.default_rng(seed)
    return [play_wave(market, folder, wave, rng, STORY) for wave in range(waves)]


def _true_total(readings: list[Reading]) -> float:
    return sum(r.true_money * r.treated for r in readings)


def test_true_effects_are_those_of_the_story(tmp_path: Path) -> None:
    first, second = _story(1, tmp_path, 2)
    for reading in first:
        print(reading)
        assert reading.true_rate == pytest.approx(reading.campaign.rate_with, abs=0.0015)
        assert reading.true_lift == pytest.approx(reading.campaign.lift, abs=0.0005)
        # The draws scatter around the truth as an interval of 95 % says; four standard errors leave room for one seed.
        assert abs(reading.money - reading.true_money) < (reading.high - reading.low)
    assert _true_total(first) < 0 < _true_total(second)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_verdicts_hold_on_most_seeds(tmp_path: Path) -> None:
    seeds = range(1, 21)
    together = 0
    for seed in seeds:
        folder = tmp_path / str(seed)
        readings = _story(seed, folder, 1)[0]
        together += all(r.verdict == r.campaign.verdict for r in readings)
        print(seed, *readings, sep="\n  ")
        for path in folder.rglob("*.parquet"):
            path.unlink()
    print(f"all three verdicts together: {together} of {len(seeds)}")
    assert together >= 0.8 * len(seeds)
