"""Purposes: what stands on something is never bound to more than it is, and needs every consent it needs."""

from hypothesis import given
from hypothesis import strategies as st

from limner.core.purposes import UNBOUND, Binder, Binding

SOME = st.lists(st.sampled_from(["marketing", "analysis", "profiling", "*"]), max_size=3).map(tuple)


@st.composite
def lineages(draw):
    own = {f"t{n}": draw(SOME) for n in range(draw(st.integers(1, 7)))}
    names = list(own)
    on = {
        name: tuple(draw(st.sets(st.sampled_from(names[:at]) if at else st.nothing()))) for at, name in enumerate(names)
    }
    return own, on


@given(lineages(), SOME)
def test_nothing_widens_and_no_consent_is_lost(lineage, usual):
    own, on = lineage
    binder = Binder(usual)
    binder.bind_all(own, on, "tags")
    assert binder.bound.keys() == own.keys()
    for name, others in on.items():
        mine = binder.bound[name]
        assert mine.needs >= (mine.purposes or frozenset())
        for other in others:
            assert mine.needs >= binder.bound[other].needs
            is_said = any(e.params.get("name") == name and e.params.get("other") == other for e in binder.wrong)
            assert is_said == (bool(own[name]) and not binder.bound[other].covers(mine))


def test_a_name_without_purposes_takes_what_is_left_of_the_usual_ones():
    binder = Binder(("marketing", "analysis"))
    binder.bind_all(
        {"a": ("analysis", "profiling"), "b": (), "c": ("marketing",), "d": ()},
        {"b": ("a", "city"), "d": ("a", "c")},
        "tags",
    )
    assert binder.bound["b"] == Binding(frozenset({"analysis"}), frozenset({"analysis", "profiling"}))
    assert [error.code for error in binder.wrong] == ["purpose_none_left"]
    assert "tags/d" in str(binder.wrong[0])


def test_the_error_says_what_to_write():
    binder = Binder()
    binder.bind_all(
        {"a": ("analysis",), "b": ("analysis", "marketing"), "c": ("*",)}, {"b": ("a",), "c": ("a",)}, "tags"
    )
    wide, everything = binder.wrong
    assert "Write purposes: [analysis] in tags/b" in str(wide)
    assert "'c' is for *" in str(everything)


def test_unbound_is_for_anything():
    assert UNBOUND.allows("marketing")
    assert UNBOUND.covers(Binding(frozenset({"x"})))
    assert not Binding(frozenset({"x"})).covers(UNBOUND)
