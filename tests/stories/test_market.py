"""The whole circle on a small market: decisions add up, outcomes have both arms, the report is written."""

import pytest

from limner.edge.demo.play import WAVES, demo
from postgres import fresh, postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def ledger(request, monkeypatch):
    """The circle turns over each of the databases a ledger may stand in."""
    if request.param == "sqlite":
        yield request.param
        return
    with postgres() as url:
        monkeypatch.setenv("LIMNER_STORES_LEDGER", fresh(url, "shop"))
        yield request.param


def test_the_circle_turns_on_a_small_market(tmp_path, ledger):
    played = demo(folder=tmp_path / "shop", customers=2_500, seed=5, formats="plain", waves=1)
    assert [wave.number for wave in played.waves] == [1]
    assert len(WAVES) == 3
    assert (tmp_path / "shop" / "state" / "ledger.db").exists() == (ledger == "sqlite")
    for wave in played.waves:
        for made in wave.plans:
            assert made.granted + made.held_out + sum(made.refused.values()) == made.audience
        for name, found in wave.measured.items():
            assert {arm.arm for arm in found.arms} == {"granted", "held_out"}, name
            assert wave.truths[name].customers > 0
    page = (tmp_path / "shop" / "report.html").read_text(encoding="utf-8")
    assert "南枝" in page
    assert "http" not in page.split("<body", 1)[1].replace("http://www.w3.org", "")
