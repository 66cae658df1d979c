"""Draft, published, retired: what may be used, who may say so, and that what is in use stays."""

from datetime import UTC, datetime

import pytest

from limner.app.tags.acts import used_by
from limner.app.tags.states import content_version, standing
from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.definition import as_mapping
from limner.core.errors import BadDefinition, Clash, LimnerError, NotFound, Refused
from limner.core.ours import Tag
from limner.flow.tags.catalog import catalog
from limner.store.ledger.tag_acts import Act, acts_of
from small_shop import built_shop

BIG = "- {id: big, name: 大单, kind: rule, type: bool, state: draft, rule: net_spend >= 300}\n"
MIDDLE = BIG.replace("300", "150")
FANS = "name: 大单客\nrule: 大单\n"


@pytest.fixture
def folder(tmp_path):
    return built_shop(tmp_path / "shop")


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def required(folder):
    path = folder / "limner.toml"
    path.write_text(path.read_text(encoding="utf-8") + '[tags]\napproval = "required"\n', encoding="utf-8")


def test_a_draft_is_looked_at_and_not_used(folder):
    write(folder, "tags/big.yaml", BIG)
    with Workspace(folder) as shop:
        shop.apply()
        shop.run("2026-09-01")
        assert shop.tag("大单").known == 40
        assert shop.audience("大单").count().count > 0
        write(folder, "audiences/fans.yaml", FANS)
        with pytest.raises(BadDefinition, match="audiences/fans: the tag 'big' is draft .*limner tag publish big"):
            shop.apply()
        with pytest.raises(BadDefinition, match="audience export: the tag 'big' is draft"):
            shop.audience("大单").export(folder / "out.csv")
        done = shop.tag_publish("大单", why="seen by M1, 13812345678")
        assert (done.before, done.state, done.actor) == ("draft", "published", "owner")
        assert "13812345678" not in done.why
        shop.apply()
        shop.run("2026-09-01")
        assert shop.audience("fans").count().count > 0


def test_what_is_used_is_not_retired_nor_taken_back(folder):
    write(folder, "tags/big.yaml", BIG)
    write(
        folder,
        "tags/bigger.yaml",
        BIG.replace("big,", "bigger,").replace("大单", "更大").replace("net_spend", "big and net_spend"),
    )
    with Workspace(folder) as shop:
        shop.apply()
        with pytest.raises(BadDefinition, match="tags/bigger: the tag 'big' is draft"):
            shop.tag_publish("bigger")
        shop.tag_publish("big")
        shop.tag_publish("bigger")
        with pytest.raises(Clash, match="published already"):
            shop.tag_publish("big")
        for verb in (shop.tag_retire, shop.tag_undo):
            with pytest.raises(Refused, match="'big' is used by tags/bigger"):
                verb("big")
        shop.tag_undo("bigger")
        assert shop.definitions.of(Tag)["bigger"].state == "draft"
        with pytest.raises(NotFound, match="nothing to take back"):
            shop.tag_undo("bigger")


def test_a_retired_tag_has_no_column_until_it_comes_back(folder):
    with Workspace(folder) as shop:
        with pytest.raises(Refused, match="audiences/buyers, campaigns/autumn"):
            shop.tag_retire("orders")
        used = used_by(shop)
        name = next(name for name in catalog(shop.definitions) if name not in used)
        before = shop.run("2026-09-01").tags
        shop.tag_retire(name)
        assert shop.run("2026-09-01").tags < before
        with pytest.raises(NotFound):
            shop.tag(name)
        shop.tag_undo(name)
        assert shop.run("2026-09-01").tags == before


def test_approval(folder):
    required(folder)
    write(folder, "tags/big.yaml", BIG.replace(" state: draft,", ""))
    with Workspace(folder) as shop:
        shop.apply()
        assert shop.definitions.of(Tag)["big"].state == "draft"
        write(folder, "audiences/fans.yaml", FANS)
        with pytest.raises(BadDefinition, match="Only an operator with the role approver may publish it"):
            shop.apply()
        with pytest.raises(Refused, match="role approver"):
            shop.acting(Actor("li", frozenset({"analyst"}))).tag_publish("big")
        shop.acting(Actor("wang", frozenset({"approver"}))).tag_publish("big")
        shop.apply()
        shop.run("2026-09-01")
        few = shop.audience("fans").count().count
        write(folder, "tags/big.yaml", MIDDLE)
        shop.apply()
        assert shop.run("2026-09-01").is_unchanged  # the approved version stays in force
        shop.tag_publish("big")
        shop.run("2026-09-01")
        assert shop.audience("fans").count().count > few
        shop.tag_undo("big")  # and is in force again
        shop.run("2026-09-01")
        assert shop.audience("fans").count().count == few


def test_what_waits_to_be_approved_is_checked(folder):
    required(folder)
    write(folder, "tags/big.yaml", BIG)
    with Workspace(folder) as shop:
        shop.apply()
        shop.tag_publish("big")
        write(folder, "tags/big.yaml", BIG.replace("net_spend", "net_spent"))
        with pytest.raises(LimnerError, match="net_spend"):
            shop.apply()


def test_acts_are_kept(folder):
    write(folder, "tags/big.yaml", BIG)
    with Workspace(folder) as shop:
        shop.apply()
        done = shop.tag_publish("big", why="好")
        [act] = acts_of(shop.stores.ledger, "big")["big"]
        assert (act.version, act.why, act.body["rule"]) == (done.version, "好", "net_spend >= 300")


def act(tag, state="published"):
    return Act(1, tag.id, state, content_version(tag), as_mapping(tag), datetime(2026, 1, 1, tzinfo=UTC), "owner")


@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize("state", ["draft", "published"])
def test_the_version_in_force(state, is_required):
    old, fresh = Tag("a", sql="count(*)", state=state), Tag("a", sql="sum(amount)", state=state)
    found = standing(fresh, (act(old),), is_required=is_required)
    waits = is_required or state == "draft"
    assert found.tag.sql == ("count(*)" if waits else "sum(amount)")
    assert bool(found.waiting) == waits
    assert standing(fresh, (act(old), act(old, "retired")), is_required=is_required).state == "retired"
    assert standing(fresh, (act(old), act(old, "retired"), act(fresh)), is_required=is_required).tag == Tag(
        "a", sql="sum(amount)"
    )
