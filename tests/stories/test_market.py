"""The whole circle on small markets: decisions add up, and the verdicts of a full-size market hold."""

import pytest

from limner.edge.demo.play import WAVES, demo

SEEDS = range(101, 141)


def test_the_circle_turns_on_a_small_market(tmp_path):
    played = demo(folder=tmp_path / "shop", customers=2_500, seed=5, formats="plain", waves=1)
    assert [wave.number for wave in played.waves] == [1]
    assert len(WAVES) == 3
    for wave in played.waves:
        for made in wave.plans:
            assert made.granted + made.held_out + sum(made.refused.values()) == made.audience
        for name, found in wave.measured.items():
            assert {arm.arm for arm in found.arms} == {"granted", "held_out"}, name
            assert wave.truths[name].customers > 0
    page = (tmp_path / "shop" / "report.html").read_text(encoding="utf-8")
    assert "南枝" in page
    assert "http" not in page.split("<body", 1)[1].replace("http://www.w3.org", "")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_the_verdicts_hold_on_a_full_size_market(tmp_path, seed):
    """Two of the forty seeds of `bench/verdicts.py`, where the share of all of them is counted."""
    played = demo(folder=tmp_path / "shop", customers=100_000, seed=seed, formats="plain", waves=1)
    verdicts = {name: str(found.verdict) for name, found in played.waves[0].measured.items()}
    assert verdicts["new-arrivals"] == "loses_money"
    assert "harmful" not in verdicts.values()
