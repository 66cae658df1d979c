"""Small counts in the catalogue: what is told of a tag's figures tells of no few, nor do differences of it."""

from hypothesis import given
from hypothesis import strategies as st

from limner.app.tags.telling import told_answers, told_figures
from limner.flow.tags.figures import QUANTILES, Accuracy, Extent, Figures

LEAST = 10


def may_stand(found, *beside):
    return found is None or not any(0 < abs(found - other) < LEAST for other in (0, *beside) if other is not None)


@given(st.lists(st.integers(1, 60), max_size=6), st.integers(0, 40), st.integers(0, 40))
def test_no_answer_tells_of_a_few(sizes, rest, unknown):
    counts = {str(at): size for at, size in enumerate(sizes)}
    known = sum(sizes) + rest
    found = told_answers(counts, known, known + unknown, LEAST)
    assert all(n in (None, counts[answer]) for answer, n in found.items())
    assert all(may_stand(n) for n in found.values())
    all_told = may_stand(known, known + unknown)
    left = (known if all_told else known + unknown) - sum(n for n in found.values() if n is not None)
    assert may_stand(left) or all(n is None for n in found.values())
    if all_told:
        shown = Figures("a", known + unknown, known, known, counts)
        told = told_figures(shown, LEAST)
        assert told.known == known
        assert set(told.answers) == {answer for answer, n in found.items() if n is not None}


@given(st.integers(0, 80), st.integers(0, 40), st.integers(0, 80))
def test_no_figure_does(known, unknown, usual):
    usual = min(usual, known)
    people = known + unknown
    values = tuple(float(round(share * (known - 1))) for share in QUANTILES) if known else ()
    extent = Extent(3, "a.x", min(known, 30), "a.y", known)
    counts = (usual, known - usual, 0, unknown)
    accuracy = Accuracy(known, usual, 0.0, 1.0, usual / known, (("x", "x", usual),)) if known else None
    exact = Figures("a", people, known, known - usual, {}, 2, values, (1.0,), counts, accuracy=accuracy, extent=extent)
    found = told_figures(exact, LEAST)
    assert told_figures(exact, 1) is exact
    assert may_stand(found.known, people)
    assert may_stand(found.held, found.known, people)
    assert found.counts == () or all(may_stand(n) for n in found.counts)
    assert all(v is None or LEAST - 1 <= v <= known - LEAST for v in found.quantiles)
    if found.extent is not None:
        assert may_stand(found.extent.least, found.extent.most, people)
        assert may_stand(found.extent.most, people)
    if found.accuracy is not None:
        assert may_stand(found.accuracy.right, found.accuracy.base)
    for name in ("known", "held", "accuracy", "extent"):
        assert (getattr(found, name) is None) == (name in found.too_few or getattr(exact, name) is None)


def test_a_twig_is_not_told_beside_its_branch():
    exact = Figures("a", 1000, 1000, 300, {"x": 100, "x/y": 97, "x/z": 50, "w": 3})
    assert told_figures(exact, LEAST, is_tree=True).answers == {"x": 100, "x/z": 50}
