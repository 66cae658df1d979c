"""Whichever way consents are read, a customer's answer is the same."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from limner.core.actor import OWNER
from limner.flow.decisions import consent_book
from limner.flow.decisions.consent_book import ConsentBook
from limner.flow.identity import resolve
from limner.store.ledger.tables import consents
from shop import NOW, open_shop, put_consent, put_identifiers

PEOPLE = 12
SAID = st.tuples(
    st.integers(1, 2 * PEOPLE), st.booleans(), st.integers(0, 5), st.sampled_from([None, 0, 1, 2]), st.booleans()
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("book") / "shop")
    put_identifiers(stores, [[("member_no", f"M{i}"), ("phone", f"+861380000{i:04}")] for i in range(PEOPLE)])
    resolve(stores, "l", who=OWNER, asof=NOW, now=NOW)
    yield stores
    stores.close()


def _told(stores, rows):
    with stores.ledger.write() as connection:
        connection.execute(delete(consents))
    for trace, is_granted, days, uses, is_withdrawn in rows:
        happened = NOW - timedelta(days=days)
        put_consent(stores, trace, "sms", is_granted=is_granted, happened_at=happened)
        with stores.ledger.write() as connection:
            newest = consents.c.seq == connection.execute(consents.select().order_by(consents.c.seq.desc())).first().seq
            values = {"uses": uses if is_granted else None, "withdrawn_at": NOW if is_withdrawn else None}
            connection.execute(update(consents).where(newest).values(**values))


def _expected(rows):
    """Per trace the rows after its last refusal; a grant among them with uses left opens it."""
    answers = {}
    counted = [(t, d, g, u, k) for k, (t, g, d, u, gone) in enumerate(rows) if not (gone and g) and d > 0]
    for trace in range(1, 2 * PEOPLE + 1):
        mine = sorted((r for r in counted if r[0] == trace), key=lambda r: (-r[1], not r[2], r[4]))
        if not mine:
            continue
        if not mine[-1][2]:
            answers[trace] = "refused"
            continue
        last_refusal = max((i for i, r in enumerate(mine) if not r[2]), default=-1)
        if any(r[3] is None or r[3] > 0 for r in mine[last_refusal + 1 :]):
            answers[trace] = "granted"
    return answers


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(SAID, max_size=25))
def test_one_by_one_and_all_at_once_give_the_rule_s_answer(shop, rows):
    _told(shop, rows)
    numbers = np.arange(1, PEOPLE + 1)
    answers = {}
    for worth in (0, 10_000):  # one by one; whole
        consent_book._WORTH = worth
        book = ConsentBook(shop, "l")
        answers[worth] = book.state("sms", "marketing", NOW, numbers)
    consent_book._WORTH = 20
    said = _expected(rows)
    for place, number in enumerate(numbers):
        mine = {said.get(int(trace)) for trace in ConsentBook(shop, "l").traces_of(np.asarray([number]))}
        expected = "granted" in mine and "refused" not in mine
        assert answers[0].is_allowed[place] == answers[10_000].is_allowed[place] == expected
    assert answers[0].consent_seq.tolist() == answers[10_000].consent_seq.tolist()


def test_a_book_kept_open_sees_what_comes_in_and_what_is_taken_back(shop, monkeypatch):
    monkeypatch.setattr(consent_book, "_WORTH", 10_000)
    _told(shop, [])
    book, one = ConsentBook(shop, "l"), np.asarray([1])

    def allowed(days):
        return bool(book.state("sms", "marketing", NOW + timedelta(days=days), one).is_allowed[0])

    assert not allowed(0)
    put_consent(shop, 1, "sms", is_granted=True, happened_at=NOW)
    assert not allowed(0), "it happened at that very instant, not before"
    assert allowed(1)
    put_consent(shop, 1, "sms", is_granted=False, happened_at=NOW + timedelta(days=1))
    assert allowed(1)
    assert not allowed(2)
