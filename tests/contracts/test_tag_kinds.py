"""Every tag kind and every tag of the packs keeps the contract. A new kind or row is tested the moment it exists."""

from __future__ import annotations

import pytest
import yaml

from limner.core.definition import as_mapping, read
from limner.core.ours import Tag
from limner.flow.tags.base import KINDS
from limner.flow.tags.catalog import built_in
from limner.flow.tags.tag import ground_of, said
from limner.store.definitions import Definitions
from limner.store.lake.dialects import DIALECTS
from shop import open_shop
from tagging import ASOF, DAYS_MORE, answers, compute, market, put_links, whole_market

TAGS = built_in()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("tiny") / "shop")
    whole_market(stores, events=600)
    before, done = compute(stores)
    market(stores, seed=5, events=300, start=ASOF, end=ASOF + DAYS_MORE, batch="later")
    after, _ = compute(stores)
    yield stores, before, after, done
    stores.close()


@pytest.fixture(scope="module")
def nobody(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("nobody") / "shop")
    put_links(stores, [])
    version, done = compute(stores, size=2)
    yield version, done
    stores.close()


@pytest.mark.parametrize("name", sorted(TAGS))
def test_a_tag_of_the_packs_is_complete(name):
    tag = TAGS[name].tag
    assert tag.name
    assert tag.name_en
    assert 1 <= len(tag.path.split("/")) <= 4
    assert dict(KINDS)[tag.kind]
    assert read(Tag, yaml.safe_load(yaml.safe_dump(as_mapping(tag), allow_unicode=True)), "here") == tag


@pytest.mark.parametrize("name", sorted(TAGS))
def test_a_tag_answers_and_does_not_see_past_the_asof(tiny, name):
    _, before, after, done = tiny
    tag = TAGS[name].tag
    assert done.columns[name]
    for column in done.columns[name]:
        header = before.headers[column]
        assert header.version == TAGS[name].version
        assert header.asof == ASOF.isoformat()
        assert answers(before, column) == answers(after, column)
        assert before.column(column).values.tobytes() == after.column(column).values.tobytes()
    if name in done.columns[name]:
        assert before.headers[name].type == tag.type


@pytest.mark.parametrize("name", sorted(TAGS))
def test_a_tag_answers_when_there_is_nothing(nobody, name):
    version, done = nobody
    tag = TAGS[name].tag
    for column in done.columns[name]:
        expected = tag.otherwise if column == name else None
        assert all(value == expected for value in answers(version, column)) or column != name


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(TAGS))
def test_a_tag_is_said_in_every_dialect(tiny, name, dialect):
    stores = tiny[0]
    text = said(Definitions(), ground_of(stores, ASOF, {"links": "links-1"}), name, dialect)
    assert text.startswith(("SELECT", "WITH"))


def test_names_are_used_once():
    names = [name for placed in TAGS.values() for name in (placed.tag.id, placed.tag.name, placed.tag.name_en)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_there_are_enough():
    assert len(TAGS) >= 30
    assert {"statistic", "rule", "rfm", "lifecycle", "interest", "first_last", "favourite"} <= {
        name for name, _ in KINDS
    }
