"""Sets of leaves kept by content: bounded, shared by versions, never stale."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.rule import Compare, parse
from limner.core.rule.tree import And, Not, Or
from limner.store.gallery import Gallery, evaluate
from limner.store.gallery.bits import count, from_bitmap, numbers, unpack
from limner.store.gallery.leaf_cache import LeafCache
from limner.store.gallery.leaves import LeavesOf
from limner.store.gallery.sampled import Sampled, runs_of
from limner.store.gallery.sums import Sums

SIZE = 70_000


@pytest.fixture
def gallery(tmp_path):
    return Gallery(tmp_path)


def first(gallery, name="one"):
    draft = gallery.draft()
    draft.put_living(BitMap(range(SIZE)))
    draft.put("orders", np.arange(SIZE) % 7, type="int")
    draft.put("spend", np.arange(SIZE), np.arange(SIZE) % 3 > 0, type="money")
    draft.put("city", ["上海" if n % 2 else "杭州" for n in range(SIZE)], type="text")
    return draft.seal(name)


def asked(text, version, kept):
    return count(evaluate(parse(text), version, cache=LeavesOf(kept, version)))


def test_a_leaf_answered_yesterday_serves_todays_version(gallery):
    old, kept = first(gallery), LeafCache()
    rule = "orders >= 3 and spend < 2.5 and city == '上海'"
    before = asked(rule, old, kept)
    assert len(kept) == 3
    draft = gallery.draft(old)
    draft.put("spend", np.arange(SIZE)[::-1].copy(), type="money")
    new = draft.seal("two")
    after = asked(rule, new, kept)
    assert len(kept) == 4  # the spend of the day after is the only one asked anew
    assert after != before
    assert asked(rule, old, kept) == before


def test_a_rule_wider_than_is_joined_at_once_is_the_same_rule(gallery):
    """Parts are joined in runs: every kind of join, with wide parts within wide parts."""
    version = first(gallery)
    spend = np.arange(SIZE)
    known, few = spend % 3 > 0, spend % 7 < 2
    cents = [Compare("spend", "==", Decimal(n) / 10_000) for n in range(0, 1000, 2)]
    either = Or((*cents, Compare("orders", "==", 2)))
    every = And((Compare("orders", "<", 2), *(Not(part) for part in cents)))
    among = known & (spend < 1000) & (spend % 2 == 0)

    def told(rule):
        return np.flatnonzero(unpack(evaluate(rule, version), SIZE)).tolist()

    assert told(either) == np.flatnonzero(among | (spend % 7 == 2)).tolist()
    assert told(every) == np.flatnonzero(few & ~among).tolist()
    assert told(Not(Or((every, either)))) == np.flatnonzero(~(few & ~among) & ~(among | (spend % 7 == 2))).tolist()


def test_an_erasure_in_place_is_seen_at_once(gallery):
    version, kept = first(gallery), LeafCache()
    assert asked("orders == 3", version, kept) == SIZE // 7
    gallery.overwrite(BitMap([3, 10]))
    again = gallery.version("one")
    assert asked("orders == 3", again, kept) == SIZE // 7 - 2
    assert len(kept) == 2


def test_a_rule_asked_twice_is_not_joined_twice_and_never_stale(gallery):
    version, kept, made = first(gallery), LeafCache(), []
    rule = parse("orders == 3 and not spend > 10")

    def ask(of, said="monday"):
        view = LeavesOf(kept, of)

        def make():
            made.append(1)
            return evaluate(rule, of, cache=view)

        return count(view.whole(rule, said, make))

    assert ask(version) == ask(version)
    assert len(made) == 1
    ask(version, "tuesday")
    assert ask(version.without(BitMap(range(100)))) < ask(version)
    assert len(made) == 3
    gallery.overwrite(BitMap([3]))
    ask(gallery.version("one"))
    assert len(made) == 4


def test_sparse_columns_are_kept_and_sampled_like_any(gallery):
    draft = gallery.draft()
    draft.put_living(BitMap(range(SIZE)))
    some = np.arange(0, SIZE, 100, dtype=np.int32), np.full(SIZE // 100, 3 << 32, np.int64)
    run = draft.put_run("tree.run", [(0, some)], 2)
    sums = Sums(draft.folder, (run,), (1.0, 1.0))
    draft.put_sums("tree.sums.json", sums, {"some": (0, 1), "none": (1, 2), "both": (0, 2)})
    version, kept = draft.seal("sparse"), LeafCache()
    assert asked("some > 2", version, kept) == SIZE // 100
    assert asked("none > 0 or none == 0", version, kept) == SIZE
    assert asked("both >= 3", version, kept) == SIZE // 100
    part = Sampled(version, np.arange(0, runs_of(SIZE), 5))
    wanted = sum(n % 100 == 0 for n in range(SIZE) if n // 128 % 5 == 0)
    assert asked("some > 2", part, LeafCache()) == wanted


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.dictionaries(st.integers(0, 99), st.integers(1, 1 << 34)), min_size=3, max_size=3), max_size=3)
)
def test_comparisons_of_sparse_columns_are_those_of_their_values(tmp_path_factory, runs):
    draft = Gallery(tmp_path_factory.mktemp("gallery")).draft()
    draft.put_living(BitMap(range(100)), 100)
    written = [
        draft.put_run(
            f"r{turn}",
            [
                (code, (np.array(sorted(of), np.int32), np.array([of[n] for n in sorted(of)], np.int64)))
                for code, of in enumerate(run)
            ],
            3,
        )
        for turn, run in enumerate(runs)
    ]
    known = np.arange(100) % 9 != 4
    sums = Sums(draft.folder, tuple(written), (0.7, 1.0, 1.3))
    draft.put_sums("tree.sums.json", sums, {"one": (0, 1), "two": (0, 2), "all": (0, 3)}, known)
    version = draft.view()
    factors = (0.7, 1.0, 1.3)
    for name, codes in (("one", 1), ("two", 2), ("all", 3)):
        want = np.zeros(100)
        for code in range(codes):
            total = [sum(run[code].get(n, 0) for run in runs) for n in range(100)]
            want += np.rint(np.array(total) * factors[code])
        want /= 1 << 32
        column = version.column(name)
        assert (column.values == np.where(known, want, 0)).all()
        assert [column.value(n) for n in range(100)] == [w if k else None for w, k in zip(want, known, strict=True)]
        for op, ufunc in (("<", np.less), (">=", np.greater_equal), ("==", np.equal), ("!=", np.not_equal)):
            for bound in (Decimal(0), Decimal("0.5"), Decimal("1.75")):
                found = numbers(evaluate(Compare(name, op, bound), version))
                assert found.tolist() == np.flatnonzero(ufunc(want, float(bound)) & known).tolist()


def test_hidden_customers_do_not_come_back_out_of_the_cache(gallery):
    version, kept = first(gallery), LeafCache()
    assert asked("not orders == 3", version, kept) == SIZE - SIZE // 7
    hidden = version.without(BitMap(range(1_000)))
    assert asked("not orders == 3", hidden, kept) == SIZE - 1_000 - sum(n % 7 == 3 for n in range(1_000, SIZE))


def test_the_bound_in_bytes_holds_and_the_least_asked_go_first():
    dense = from_bitmap(BitMap(range(SIZE)), SIZE)
    kept = LeafCache(4 * dense.nbytes + 64)
    for name in "abc":
        kept.put(name, dense.copy())
    assert kept.get("a") is not None
    kept.put("d", dense.copy())
    assert kept.get("b") is None
    assert kept.get("a") is not None
    assert kept.held <= 4 * dense.nbytes + 64
    kept.put("e", np.zeros(100_000, np.uint64))
    assert kept.get("e") is None  # larger than all the room there is


def test_a_sparse_set_that_had_to_go_is_kept_as_a_roaring_bitmap():
    few = from_bitmap(BitMap(range(0, SIZE, 1_000)), SIZE)
    kept = LeafCache(4 * few.nbytes)
    for at in range(9):
        kept.put(at, few.copy())
    assert kept.held <= 4 * few.nbytes
    assert len(kept) == 9
    assert numbers(kept.get(0)).tolist() == list(range(0, SIZE, 1_000))
    kept.clear()
    assert (len(kept), kept.held, kept.get(0)) == (0, 0, None)


def test_a_question_is_stopped_before_its_next_leaf(gallery):
    version, left = first(gallery), [2]

    def stop():
        left[0] -= 1
        if left[0] < 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        evaluate(
            parse("orders == 1 or orders == 2 or orders == 3"), version, cache=LeavesOf(LeafCache(), version, stop)
        )


@given(st.lists(st.tuples(st.integers(0, 30), st.sets(st.integers(0, SIZE - 1), max_size=50)), max_size=60))
def test_what_comes_out_is_what_went_in(puts):
    kept, truth = LeafCache(200_000), {}
    for key, members in puts:
        truth.setdefault(key, members)
        kept.put(key, from_bitmap(BitMap(truth[key]), SIZE))
        assert kept.held <= 200_000
    for key, members in truth.items():
        found = kept.get(key)
        assert found is None or set(numbers(found).tolist()) == members
