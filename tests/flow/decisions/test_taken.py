"""A touch counts for the customer who has the identifier it went to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import insert

from limner.app.opening import make, open_stores, settings_of
from limner.flow.decisions.consent_book import ConsentBook
from limner.flow.decisions.taken import read_taken
from limner.store.ledger.tables import outbox

NOW = datetime(2026, 9, 1, tzinfo=UTC)
FAR = 1 << 60


@pytest.fixture
def stores(tmp_path):
    make(tmp_path / "shop")
    found = open_stores(tmp_path / "shop", settings_of(tmp_path / "shop", {}))
    with found.ledger.write() as connection:
        for decision, (number, trace, state) in enumerate(
            [(1, 11, "handed_over"), (1, 11, "queued"), (2, 12, "handed_over"), (2, 12, "released"), (3, 0, "virtual")],
            1,
        ):
            connection.execute(insert(outbox).values(
                decision=decision, plan_id=1, campaign="c", number=number, trace=trace, channel="sms", offer="o",
                message_class="marketing", purpose="marketing", message_key=str(decision), moment=NOW, latest_at=NOW,
                state=state, next_try_at=NOW, cost=0, changed_at=NOW + timedelta(hours=decision),
            ))  # fmt: skip
    yield found
    found.close()


def counted(stores, links, numbers, skip=()):
    version = f"v{len(links)}{sorted(links.items())}"
    rows = {"trace": list(links), "number": list(links.values())}
    stores.lake.publish("links", version, pa.table(rows))
    with stores.ledger.read() as connection:
        found = read_taken(connection, ConsentBook(stores, version), np.asarray(numbers, np.int64), -FAR, FAR, skip)
    return [found.number.tolist().count(number) for number in numbers]


def test_a_merge_adds_up_and_its_undoing_gives_back(stores):
    apart = {11: 1, 12: 2, 13: 3}
    assert counted(stores, apart, [1, 2, 3]) == [2, 1, 1]
    assert counted(stores, apart | {12: 1}, [1, 2, 3]) == [3, 0, 1]
    assert counted(stores, apart | {11: 2}, [1, 2]) == [0, 3]
    assert counted(stores, apart, [1, 2, 3], skip=[3]) == [2, 0, 1]


def test_an_identifier_that_has_gone_to_another_takes_its_touches_along(stores):
    assert counted(stores, {11: 4, 12: 2}, [1, 4]) == [0, 2]


def test_what_nobody_has_any_more_counts_for_whom_it_was(stores):
    assert counted(stores, {12: 2}, [1, 2, 3]) == [2, 1, 1]
