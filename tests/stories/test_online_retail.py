"""Online Retail: every row is accounted for, and arms that nobody was contacted in differ by chance alone."""

import os
from pathlib import Path

import duckdb
import numpy as np
import pytest

from limner.app.collecting import collect
from limner.app.defining import apply
from limner.app.grounds import portrait_of
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.rule import Did
from limner.core.spans import parse_span
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.retail import DECIDED, END
from limner.maths.arms import salt, shares
from limner.maths.lift import proportion
from limner.maths.sums import Sums

FILE = Path(os.environ.get("LIMNER_TEST_DATA", "")) / "online_retail" / "online_retail.parquet"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="LIMNER_TEST_DATA holds no Online Retail file")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = tmp_path_factory.mktemp("retail") / "shop"
    prepare(home, "online_retail", seed=1)  # the arms follow from it
    with Workspace(home, clock=Clock(END)) as opened:
        (home / "models" / "purchase.yaml").unlink()
        apply(opened)
        yield opened


def test_every_row_is_accounted_for(shop):
    found = collect(shop, file=[FILE])
    fact = dict(
        zip(
            ("rows", "without", "cancelled"),
            duckdb.sql(
                f"SELECT count(*), count(*) FILTER (WHERE CustomerID IS NULL), "
                f"count(*) FILTER (WHERE InvoiceNo LIKE 'C%') FROM '{FILE}'"
            ).fetchone(),
            strict=True,
        )
    )
    assert fact == {"rows": 541_909, "without": 135_080, "cancelled": 9_288}
    counts = found.counts
    assert counts.rows == fact["rows"]
    assert counts.rows == counts.used + counts.anonymous + counts.cancelled + sum(dict(counts.rejected).values())
    assert counts.cancelled == fact["cancelled"]
    assert counts.used == 397_884
    assert collect(shop, file=[FILE]).unchanged == 1


def test_over_500_salts_one_interval_in_twenty_excludes_zero(shop):
    collect(shop, file=[FILE])
    run(shop, DECIDED)
    audience = np.asarray(_members(shop, "orders >= 1", DECIDED), np.int64)
    run(shop, END)
    did = _did(shop, DECIDED)
    answers = np.isin(audience, did)
    assert 2_000 < audience.size < 4_000
    assert 0.2 < answers.mean() < 0.8
    outside = 0
    for number in range(500):
        held = shares(audience, salt(f"salt-{number}")) < 0.5
        found = proportion(_sums(answers[~held]), _sums(answers[held]))
        outside += found.excludes_zero
    assert 0.03 <= outside / 500 <= 0.07


def _sums(answers):
    return Sums.given(int(answers.size), int(answers.sum()))


def _members(shop, rule, asof):
    from limner.app.asking import rule_members

    return list(rule_members(shop, rule, portrait_of(shop, asof)))


def _did(shop, since):
    from limner.app.asking import rule_members

    span = parse_span(f"{(END - since).days}d")
    return np.asarray(list(rule_members(shop, Did("Order Completed", within=span), portrait_of(shop, END))), np.int64)
