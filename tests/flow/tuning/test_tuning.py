"""Tuning has a contract and, until a tuner ships, no kinds."""

from limner.flow.tuning import TUNERS, Bounds


def test_no_tuner_ships_and_the_registry_says_so():
    assert [name for name, _ in TUNERS] == []


def test_bounds_cut():
    bounds = Bounds(0.05, 0.2)
    assert [bounds.cut(value) for value in (0.0, 0.1, 0.5)] == [0.05, 0.1, 0.2]
