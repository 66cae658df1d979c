"""Rules taken apart by the verbs, over a shop on disk."""

import pytest

import limner.app.asking
from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import Clash, NotFound
from small_shop import built_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Workspace(built_shop(tmp_path_factory.mktemp("selecting") / "shop")) as found:
        yield found


def test_a_rule_is_taken_apart(shop):
    rule = "orders >= 2 and did('Order Completed', within='400d') and city == '上海'"
    found = shop.audience(rule).explain()
    assert [node.path for node in found.root.walk()] == ["0", "0.0", "0.1", "0.2"]
    assert found.root.count == shop.audience(rule).count().count
    steps = shop.audience(rule).funnel().steps
    assert [step.left for step in steps][-1] == found.root.count
    assert shop.audience("buyers").explain().root.text == "orders >= 1"
    assert shop.audience("买过的人").funnel().steps[0].left == shop.audience("buyers").count().count
    few = shop.audience(rule).estimate()
    assert few.is_exact
    assert few.count == found.root.count


def test_sets_of_conditions_are_shared_by_all_who_ask(shop):
    shop.leaves.clear()
    shop.audience("orders >= 2 and orders >= 3").count()
    held = len(shop.leaves)
    shop.acting(Actor("analyst", frozenset({"analyst"}))).audience("orders >= 3 and orders >= 2").count()
    assert len(shop.leaves) == held + 1  # the same conditions, joined the other way round
    assert (
        shop.audience("orders >= 3 and in audience(buyers)").count().count == shop.audience("orders >= 3").count().count
    )


def test_an_unknown_name_is_answered_with_a_near_one(shop):
    with pytest.raises(ValueError, match="Did you mean 'orders'"):
        shop.audience("ordres >= 2").funnel()


def test_a_question_can_be_cancelled(shop, monkeypatch):
    real = limner.app.asking.count

    def slow(ground, rule, **how):
        shop.cancel("q1")
        return real(ground, rule, **how)

    monkeypatch.setattr(limner.app.asking, "count", slow)
    with pytest.raises(Clash, match="'q1' was cancelled"):
        limner.app.asking.audience_count(shop, "orders >= 2", question="q1")
    with pytest.raises(NotFound, match="No question named 'q1'"):
        shop.cancel("q1")


def test_a_question_is_its_askers_own(shop):
    with shop.questions.asked("anna", "q") as stop:
        with pytest.raises(NotFound):
            shop.questions.cancel("ben", "q")
        stop()
        with pytest.raises(Clash, match="already"), shop.questions.asked("anna", "q"):
            pass
        shop.questions.cancel("anna", "q")
        with pytest.raises(Clash):
            stop()
    with shop.questions.asked("anna", None) as nothing:
        assert nothing is None
