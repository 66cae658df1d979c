import numpy as np

from limner.maths.arms import combined, salt, share, shares


def test_the_vector_form_equals_the_scalar_form_bit_by_bit():
    numbers = np.r_[np.arange(1000), 2**31 - 1, 2**31 - 2]
    drawn = shares(numbers, salt("win-back"))
    assert [share(int(n), salt("win-back")) for n in numbers] == drawn.tolist()


def test_a_draw_is_pinned_for_ever():
    """The arms of running experiments stand on these values: they never change."""
    assert salt("win-back") == 6533357048532416698
    assert share(0, 0) == 0.6524484863740322
    assert share(1, 0) == 0.36818951565166946


def test_shares_are_even_and_experiments_independent():
    numbers = np.arange(1_000_000)
    one, two = shares(numbers, salt("a")), shares(numbers, salt("b"))
    counts, _ = np.histogram(one, bins=100, range=(0, 1))
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 160  # chi-square, 99 degrees: p > 1e-4
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.004
    assert abs(np.mean((one < 0.1) & (two < 0.1)) - 0.01) < 0.0005
    assert one.min() >= 0
    assert one.max() < 1


def test_neighbouring_salts_are_independent_too():
    numbers = np.arange(200_000)
    assert abs(np.corrcoef(shares(numbers, 1), shares(numbers, 2))[0, 1]) < 0.01


def test_combined_shares():
    assert combined() == 0
    assert round(combined(0.02, 0.1), 12) == 0.118
