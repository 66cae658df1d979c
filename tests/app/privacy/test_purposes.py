"""Purposes: what a customer's word does not cover is unknown, and nothing is used for what it is not bound to."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.app.privacy.covering import Owners, uncovered
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from limner.store.ledger.tables import consents
from shop import NOW as THEN
from shop import open_shop, put_consent
from small_shop import built_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
WHO = "member_no:M13"
LOYAL = "name: 常客\nkind: rule\ntype: bool\nrule: orders >= 2\npurposes: [marketing, profiling]\n"


@pytest.fixture
def shop(tmp_path):
    moments = iter(NOW + timedelta(seconds=n) for n in range(100_000))
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: next(moments)) as found:
        yield found


def write(shop, **files):
    for name, text in files.items():
        path = shop.folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def reopened(shop, text):
    """The workspace with [privacy] settings."""
    path = shop.folder / "limner.toml"
    path.write_text(path.read_text("utf-8") + f"[privacy]\n{text}\n", encoding="utf-8")
    shop.close()
    return Workspace(shop.folder, clock=lambda: NOW + timedelta(hours=1))


def test_nothing_bound_changes_nothing(shop):
    before = shop.run("2026-09-01").version
    shop.consent(WHO).refuse(purpose="profiling", proof="a letter")
    shop.run("2026-09-02")
    tags = shop.customer(WHO).show().tags
    assert before
    assert tags["orders"] == 2
    assert tags["rfm"]
    assert shop.tag("orders").purposes == ("*",)


def test_a_refused_purpose_makes_the_bound_tag_unknown_and_a_grant_brings_it_back(shop):
    write(shop, tags__loyal=LOYAL, audiences__loyal="rule: loyal\n", audiences__others="rule: not loyal\n")
    shop.apply()
    first = shop.run("2026-09-01")
    assert shop.customer(WHO).show().tags["loyal"] is True
    assert shop.tag("loyal").purposes == ("marketing", "profiling")
    shop.consent(WHO).refuse(purpose="profiling", proof="a letter")
    second = shop.run("2026-09-01")
    assert second.version == first.version  # said after the asof: nothing is stale
    third = shop.run("2026-09-02")
    tags = shop.customer(WHO).show().tags
    assert "loyal" not in tags
    assert tags["orders"] == 2
    assert third.audiences["loyal"] == first.audiences["loyal"] - 1
    assert third.audiences["others"] == first.audiences["others"] + 1  # the unknown is no, also under not
    assert shop.tag("loyal").known == 39
    shop.consent(WHO).grant("*", purpose="profiling", proof="changed their mind")
    assert shop.run("2026-09-01").audiences["loyal"] == first.audiences["loyal"]
    assert shop.run("2026-09-02").audiences["loyal"] == first.audiences["loyal"]


def test_a_new_statement_before_the_asof_makes_bound_tags_stale(shop):
    write(shop, tags__loyal=LOYAL)
    shop.apply()
    first = shop.run("2026-09-03")
    shop.consent(WHO).refuse(purpose="profiling", proof="a letter")
    again = shop.run("2026-09-03")
    assert again.version != first.version
    assert "tag" in again.done
    assert "loyal" not in shop.customer(WHO).show().tags


def test_a_purpose_that_asks_for_consent_is_unknown_to_all_who_said_nothing(shop):
    write(shop, tags__loyal=LOYAL)
    shop.apply()
    with reopened(shop, 'consent = "profiling"') as bound:
        bound.consent(WHO).grant("*", purpose="profiling", proof="a form")
        bound.run("2026-09-03")
        assert bound.tag("loyal").known == 1
        assert bound.tag("orders").known == 40
        assert bound.customer(WHO).show().tags["loyal"] is True


def test_marketing_granted_on_one_channel_covers_marketing(shop):
    with reopened(shop, 'purposes = "marketing"\nconsent = "marketing"') as bound:
        bound.apply()
        bound.run("2026-09-03")
        assert bound.tag("orders").known == 40
        bound.consent(WHO).refuse("mail", proof="a letter")
        bound.run("2026-09-04")
        assert bound.tag("orders").known == 39
        assert "rfm" not in bound.customer(WHO).show().tags
        assert bound.customer(WHO).show().traits["city"]


def test_a_tag_is_not_wider_than_what_it_stands_on(shop):
    write(
        shop,
        tags__few="sql: count(*)\npurposes: [analysis]\n",
        tags__more="kind: rule\ntype: bool\nrule: few > 1\npurposes: [marketing]\n",
    )
    with pytest.raises(
        BadDefinition, match=r"tags/more: 'more' is for marketing and stands on 'few', which is for analysis only"
    ):
        shop.apply()
    write(shop, tags__more="kind: rule\ntype: bool\nrule: few > 1\n")
    shop.apply()
    shop.run("2026-09-02")
    assert shop.tag("more").purposes == ("analysis",)


@pytest.mark.parametrize(
    ("files", "used"),
    [
        ({"audiences__buyers": "rule: few >= 1\n"}, "tags/few"),
        ({"audiences__buyers": "rule: orders >= 1\npurposes: [analysis]\n"}, "audiences/buyers"),
        (
            {"audiences__inner": "rule: few >= 1\n", "audiences__buyers": "rule: audience(inner) and orders >= 1\n"},
            "tags/few",
        ),
        ({"offers__hello": "content: {mail: {subject: 您好, text: '{{ few }}'}}\n"}, "tags/few"),
        ({"offers__hello": "eligibility: few > 1\ncontent: {mail: {subject: 您好, text: 好}}\n"}, "tags/few"),
        ({"offers__hello": "value: few\ncontent: {mail: {subject: 您好, text: 好}}\n"}, "tags/few"),
    ],
)
def test_a_campaign_uses_nothing_for_a_purpose_it_is_not_bound_to(shop, files, used):
    write(shop, tags__few="sql: count(*)\npurposes: [analysis]\n", **files)
    with pytest.raises(
        BadDefinition, match=rf"campaigns/autumn: this is for the purpose 'marketing', and {used} is for analysis only"
    ):
        shop.apply()


def test_an_audience_is_held_to_its_own_purposes(shop):
    write(
        shop,
        tags__few="sql: count(*)\npurposes: [analysis]\n",
        audiences__some="rule: few > 1\npurposes: [marketing]\n",
    )
    with pytest.raises(BadDefinition, match="audiences/some: this is for the purpose 'marketing', and tags/few"):
        shop.apply()
    write(shop, audiences__some="rule: few > 1\npurposes: [analysis]\n")
    shop.apply()


def test_settings_that_change_after_the_apply_are_asked_at_the_plan(shop):
    with reopened(shop, 'purposes = "analysis"') as bound:
        bound.run("2026-09-02")
        with pytest.raises(BadDefinition, match="this is for the purpose 'marketing', and tags/orders is for analysis"):
            bound.plan("autumn")
        assert bound.check().exit_code == 1


WORDS = st.lists(
    st.tuples(
        st.integers(1, 6), st.sampled_from(["*", "sms", "mail"]), st.sampled_from(["profiling", "marketing", "*"]),
        st.booleans(), st.integers(0, 5),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(WORDS, st.booleans(), st.integers(1, 6))
def test_columns_say_what_going_through_the_statements_says(tmp_path_factory, said, is_express, asof):
    """Against a plain reading of the statements, one customer after another: traces 2n-1 and 2n are customer n."""
    if not hasattr(test_columns_say_what_going_through_the_statements_says, "stores"):
        test_columns_say_what_going_through_the_statements_says.stores = open_shop(
            tmp_path_factory.mktemp("words") / "shop"
        )
    stores = test_columns_say_what_going_through_the_statements_says.stores
    with stores.ledger.write() as connection:
        connection.execute(consents.delete())
    for trace, channel, purpose, is_granted, day in said:
        put_consent(stores, trace, channel, is_granted, purpose=purpose, happened_at=THEN + timedelta(days=day))
    owners = Owners(np.arange(1, 7, dtype=np.int32), (np.arange(1, 7) + 1) // 2, 4)
    found = uncovered(stores.ledger, "profiling", owners, THEN + timedelta(days=asof), is_express=is_express)
    for customer in (1, 2, 3):
        assert found[customer] == (not plainly(said, (2 * customer - 1, 2 * customer), asof, is_express))


def plainly(said, traces, asof, is_express):
    """Whether a customer's word covers profiling, by going through the statements."""

    def state(trace, channel):
        mine = [
            s for s in said if s[0] == trace and s[1] in (channel, "*") and s[2] in ("profiling", "*") and s[4] < asof
        ]
        if not mine:
            return None
        last = max(s[4] for s in mine)
        return all(s[3] for s in mine if s[4] == last)

    spoken = {s[1] for s in said if s[2] in ("profiling", "*")}
    granted = any(
        any(state(t, channel) for t in traces) and not any(state(t, channel) is False for t in traces)
        for channel in spoken
    )
    return granted or (not is_express and not any(state(t, "*") is False for t in traces))
