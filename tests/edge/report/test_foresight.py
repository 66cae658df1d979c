"""The section of value: what the card says, week by week; nothing without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.report import samples
from limner.app.reporting.portrait import _foresight
from limner.edge.report import page

CARD = {
    "model": "clv", "name": "一年价值", "kind": "clv", "horizon_days": 365, "buyers": 900, "alive": 512.3,
    "parameters": [{"name": "r", "value": 0.243, "low": None, "high": None}],
    "purchases": {"total": 700.5, "low": None, "high": None},
    "value": {"state": "refused", "why": "too_few_amounts"},
    "tracking": {"state": "refused", "why": "too_few_repeats"},
}  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_card_whose_value_and_tracking_were_refused_is_shown_without_them(lang):
    found = _foresight(CARD, {})
    assert (found.value, found.weeks, found.alive) == (None, (), 512.3)
    text = page(replace(samples.measured(lang), foresights=(found,)))
    assert "一年价值" in text
    assert '<polyline class="foreseen"' not in text


def test_the_weeks_of_a_card_are_drawn():
    weeks = [{"week": 1, "expected": 10.0, "observed": 9}, {"week": 2, "expected": 20.5, "observed": 22}]
    found = _foresight({**CARD, "tracking": {"weeks": weeks, "worst_error": 0.1}}, {"clv": ("价值", "Value")})
    assert found.weeks == ((1, 10.0, 9), (2, 20.5, 22))
    assert '<polyline class="foreseen"' in page(replace(samples.measured("en"), foresights=(found,)))
    assert "What customers will be worth" not in page(replace(samples.measured("en"), foresights=()))
