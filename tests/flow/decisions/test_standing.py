"""What a customer allows at any instant, against a slow plain reading of the same statements."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from limner.flow.decisions.consent_book import ConsentBook
from limner.flow.decisions.standing import standings, statements
from limner.store.ledger.tables import consents, outbox, touches
from shop import NOW, open_shop

TRACES = 6
CHANNELS, PURPOSES = ("sms", "mail"), ("marketing", "service")
DAY = timedelta(days=1)
SAID = st.fixed_dictionaries(
    {
        "trace": st.integers(1, TRACES),
        "channel": st.sampled_from([*CHANNELS, "*"]),
        "purpose": st.sampled_from([*PURPOSES, "*"]),
        "is_granted": st.booleans(),
        "happened": st.integers(0, 8),
        "late": st.integers(0, 4),
        "lasts": st.sampled_from([None, 1, 3]),
        "uses": st.sampled_from([None, 1, 2]),
        "sent": st.lists(st.integers(0, 9), max_size=2),
        "gone": st.sampled_from([None, 2, 6]),
    }
)
WHOSE = st.lists(st.integers(1, 3), min_size=TRACES, max_size=TRACES)
"""Whose each identifier is: another list is a merge, or its undoing."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("standing") / "shop")
    yield stores
    stores.close()


def write(stores, said):
    """The statements as rows, and the messages that used them; day 0 is ten days ago."""
    rows, sent, handed, decision = [], [], [], 0
    for seq, one in enumerate(said, 1):
        happened = NOW + (one["happened"] - 10) * DAY
        gone = one["is_granted"] and one["gone"]
        rows.append(
            {
                "seq": seq, "load": 1, "source": "test", "kind": "phone", "hash": bytes(16), "trace": one["trace"],
                "channel": one["channel"], "purpose": one["purpose"], "is_granted": one["is_granted"],
                "happened_at": happened, "received_at": happened + one["late"] * DAY,
                "until_at": happened + one["lasts"] * DAY if one["is_granted"] and one["lasts"] else None,
                "uses": one["uses"] if one["is_granted"] else None, "proof": "",
                "withdrawn_at": happened + gone * DAY if gone else None,
            }
        )  # fmt: skip
        for day in one["sent"] if rows[-1]["uses"] else ():
            decision += 1
            shared = {
                "message_key": f"k{decision}", "plan_id": 1, "campaign": "c", "number": 1, "trace": one["trace"],
                "channel": "sms", "offer": "o", "message_class": "marketing", "is_uncertain": False, "cost": 0,
            }  # fmt: skip
            at = NOW + (day - 10) * DAY
            sent.append(
                shared | {"decision": decision, "purpose": "marketing", "moment": at, "latest_at": at, "state": "handed_over",
                "tries": 1, "next_try_at": at, "consent_seq": seq, "changed_at": at}
            )  # fmt: skip
            handed.append(shared | {"touch_id": decision, "handed_over_at": at, "attempts": 1})
    with stores.ledger.write() as connection:
        for table in (consents, outbox, touches):
            connection.execute(delete(table))
        for table, values in ((consents, rows), (outbox, sent), (touches, handed)):
            if values:
                connection.execute(insert(table), values)
    return rows, sent


def plainly(rows, sent, own, purpose, channel, asof, known, past):
    """The state of one customer, statement by statement."""
    words = {}
    for trace in own:
        mine = [
            row for row in rows
            if row["trace"] == trace and row["channel"] in (channel, "*") and row["purpose"] in (purpose, "*")
            and row["happened_at"] < asof
            and (known is None or row["received_at"] < known)
            and (not row["is_granted"] or row["withdrawn_at"] is None or (known is not None and row["withdrawn_at"] >= known))
        ]  # fmt: skip
        mine.sort(key=lambda row: (row["happened_at"], not row["is_granted"], row["seq"]))
        if not mine:
            continue
        if not mine[-1]["is_granted"]:
            words[trace] = "refused"
            continue
        after = []
        for row in mine:
            after = [] if not row["is_granted"] else [*after, row]
        open_ = []
        for row in after:
            used = sum(s["consent_seq"] == row["seq"] and (not past or s["moment"] < asof) for s in sent)
            is_over = row["until_at"] is not None and row["until_at"] <= asof
            if not is_over and not (row["uses"] is not None and used >= row["uses"]):
                open_.append(row["seq"])
        words[trace] = "granted" if open_ else "over"
    if "refused" in words.values():
        return "refused"
    return "granted" if "granted" in words.values() else "over" if words else None


def _is_heard(row, own, asof, known):
    return row["trace"] in own and row["happened_at"] < asof and (known is None or row["received_at"] < known)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    said=st.lists(SAID, max_size=10),
    whose=st.lists(WHOSE, min_size=1, max_size=3),
    day=st.integers(0, 10),
    heard=st.sampled_from([None, 3, 6, 20]),
)
def test_the_state_at_any_instant_is_that_of_a_plain_reading(stores, said, whose, day, heard):
    rows, sent = write(stores, said)
    asof = NOW + (day - 10) * DAY
    known = None if heard is None else NOW + (heard - 10) * DAY
    for owners in [*whose, whose[0]]:  # merged and parted, and as it was at first
        for customer in set(owners):
            own = [trace for trace, owner in enumerate(owners, 1) if owner == customer]
            found = standings(stores, own, asof=asof, now=NOW, known=known, channels=CHANNELS)
            states = {(one.purpose, one.channel): one.state for one in found}
            for (purpose, channel), state in states.items():
                assert plainly(rows, sent, own, purpose, channel, asof, known, asof < NOW) == state
            spoken = {(row["purpose"], row["channel"]) for row in rows if _is_heard(row, own, asof, known)}
            for purpose, channel in spoken:
                if "*" not in (purpose, channel):
                    assert plainly(rows, sent, own, purpose, channel, asof, known, asof < NOW) == states.get(
                        (purpose, channel)
                    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.lists(SAID, max_size=10), whose=WHOSE)
def test_the_gate_says_the_same(stores, said, whose):
    rows, sent = write(stores, said)
    links = pa.table(
        {
            "trace": pa.array(range(1, TRACES + 1), pa.int32()),
            "number": pa.array(whose, pa.int32()),
            "is_identified": [True] * TRACES,
        }
    )
    version = "-".join(map(str, whose))
    stores.lake.publish("links", version, links)
    book = ConsentBook(stores, version)
    for channel in CHANNELS:
        allowed = book.state(channel, "marketing", NOW, np.arange(1, 4))
        for number in set(whose):
            own = [trace for trace, owner in enumerate(whose, 1) if owner == number]
            state = plainly(rows, sent, own, "marketing", channel, NOW, None, False)
            assert bool(allowed.is_allowed[number - 1]) == (state == "granted")


def test_a_refusal_names_the_grants_it_overrides(stores):
    grant = {"channel": "sms", "purpose": "marketing", "is_granted": True, "happened": 1, "late": 0, "lasts": None}
    grant |= {"uses": None, "sent": [], "gone": None}
    write(
        stores,
        [{**grant, "trace": 1}, {**grant, "trace": 2, "is_granted": False, "happened": 2}, {**grant, "trace": 3}],
    )
    (both,) = standings(stores, [1, 2, 3], asof=NOW, now=NOW)
    assert (both.state, both.by.seq, [one.seq for one in both.overrides]) == ("refused", 2, [1, 3])
    (alone,) = standings(stores, [1], asof=NOW, now=NOW)
    assert (alone.state, alone.by.seq, alone.overrides) == ("granted", 1, ())
    assert [one.seq for one in statements(stores, [1, 2])] == [1, 2]
