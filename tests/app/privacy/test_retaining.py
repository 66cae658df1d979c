"""Retention: what is older than a rule allows goes, exactly that, and never of a person who must be kept."""

import os
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlalchemy import select

from limner.app.keeping import retain_at
from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import BadDefinition, NotFound, Refused
from limner.store.ledger.tables import audit, files
from small_shop import built_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
OLD = "over: events\nmonths: 6\n"


@pytest.fixture
def shop(tmp_path):
    moments = iter(NOW + timedelta(seconds=n) for n in range(100_000))
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: next(moments)) as found:
        yield found


def rule(shop, text, name="old"):
    path = shop.folder / "retention" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    shop.apply()


def rows(shop, table, where="TRUE"):
    shop.stores.lake.catalog.snapshot()
    found = shop.stores.lake.table(sqlglot.parse_one(f"SELECT count(*) AS n FROM {table} WHERE {where}"))
    return found["n"][0].as_py()


CUT = "happened_at < TIMESTAMPTZ '2026-02-28 16:00:00+00'"  # midnight of 1 March in Shanghai


def test_without_a_rule_it_says_how_to_write_one(shop):
    with pytest.raises(NotFound, match="Write one into retention/"):
        shop.privacy.retain()


def test_a_dry_run_says_what_would_go_and_changes_nothing(shop):
    rule(shop, OLD)
    old, every = rows(shop, "events", CUT), rows(shop, "events")
    foreseen = shop.privacy.retain()
    assert foreseen.is_dry
    assert 0 < foreseen.rows == old < every
    assert rows(shop, "events") == every
    (one,) = foreseen.rules
    assert (one.whole, one.rewritten, one.kept) == (0, 1, 0)
    assert one.before == datetime(2026, 2, 28, 16, tzinfo=UTC)


def test_old_rows_go_and_are_on_no_disk(shop):
    rule(shop, OLD)
    young = rows(shop, "events", f"NOT ({CUT})")
    done = shop.privacy.retain(yes=True)
    assert rows(shop, "events") == young
    assert rows(shop, "events", CUT) == 0
    for path in (shop.folder / "state" / "lake" / "events").glob("*.parquet"):
        moments = pq.read_table(path, columns=["happened_at"])["happened_at"].to_pylist()
        assert min(moments) >= datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert shop.privacy.retain().rows == 0
    with shop.stores.ledger.read() as connection:
        (body,) = connection.execute(select(audit.c.body).where(audit.c.verb == "privacy retain")).scalars()
    assert f'"rows": {done.rows}' in body


def test_the_next_run_sees_what_is_left_and_the_same_file_again_brings_nothing_back(shop):
    rule(shop, OLD)
    shop.privacy.retain(yes=True)
    left = rows(shop, "events")
    shop.collect()
    assert rows(shop, "events") == left
    ran = shop.run("2026-09-01")
    assert "tag" in ran.done
    assert shop.customer("member_no:M0").show().tags.get("orders", 0) == 0


def test_a_file_that_is_old_all_over_goes_whole(shop):
    rule(shop, "over: events\nmonths: 1\nsource: orders\n")
    with shop.stores.ledger.read() as connection:
        before = set(connection.execute(select(files.c.path).where(files.c.table_name == "events")).scalars())
    shop.clock = lambda: datetime(2027, 12, 1, 2, tzinfo=UTC)
    done = shop.privacy.retain(yes=True)
    assert (done.rules[0].whole, done.rules[0].rewritten) == (len(before), 0)
    assert rows(shop, "events") == 0
    assert not any((shop.folder / "state" / "lake" / path).exists() for path in before)


def test_a_person_who_must_be_kept_is_kept_with_all_identifiers(shop):
    rule(shop, OLD)
    mine = f"trace IN ({', '.join(str(t) for t in _traces(shop, 'member_no:M39'))})"
    own = rows(shop, "events", f"{CUT} AND {mine}")
    assert own
    shop.privacy.hold("phone:13800000039", why="a dispute")
    foreseen = shop.privacy.retain()
    assert foreseen.rules[0].kept == own
    shop.privacy.retain(yes=True)
    assert rows(shop, "events", CUT) == own == rows(shop, "events", f"{CUT} AND {mine}")
    shop.privacy.hold("member_no:M39", why="settled", lift=True)
    assert shop.privacy.retain(yes=True).rows == own
    assert rows(shop, "events", CUT) == 0


def _traces(shop, who):
    from limner.app.privacy.people import person_of

    return person_of(shop, who).traces


def test_a_rule_names_a_source_an_event_or_a_trait(shop):
    rule(shop, "over: traits\nmonths: 6\ntrait: city\n")
    cities, names = rows(shop, "traits", "name = 'city'"), rows(shop, "traits", "name = 'full_name'")
    assert cities
    assert names
    assert shop.privacy.retain(yes=True).rows == cities
    assert rows(shop, "traits", "name = 'city'") == 0
    assert rows(shop, "traits", "name = 'full_name'") == names
    rule(shop, "over: events\nmonths: 3\nevent: Product Viewed\n")
    assert shop.privacy.retain().rows == 0
    rule(shop, "over: events\nmonths: 3\nevent: Order Completed\nsource: members\n")
    assert shop.privacy.retain().rows == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("over: events\nmonths: 0\n", "months is 0, it must be 1 or more"),
        (
            "over: traits\nmonths: 1\nevent: Order Completed\n",
            "event is 'Order Completed', it must be left out of such a rule",
        ),
        ("over: events\nmonths: 1\nsource: order\n", "source is 'order', it must be one of"),
        ("over: traits\nmonths: 1\ntrait: town\n", "there is no trait 'town'"),
        ("over: decisions\nmonths: 1\n", "over is 'decisions', it must be one of"),
        ("over: events\nmonths: 1\nevent: Oder Completed\n", "Oder Completed"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(shop, text, said):
    with pytest.raises(BadDefinition, match=said):
        rule(shop, text)


def test_addresses_of_those_of_whom_nothing_is_left_go_and_may_come_back(shop):
    shop.clock = lambda: datetime(2028, 1, 1, 2, tzinfo=UTC)
    rule(shop, "over: events\nmonths: 1\n", "a")
    rule(shop, "over: traits\nmonths: 1\n", "b")
    rule(shop, "over: addresses\nmonths: 1\n", "z")
    everybody = shop.stores.vault.count()
    shop.privacy.retain(yes=True)
    assert shop.stores.vault.count() == everybody  # every customer still allows mail: that is something
    for n in range(5):
        shop.consent(f"member_no:M{n}").refuse(proof="a letter")
    with shop.stores.ledger.write() as connection:
        from limner.store.ledger.tables import consents

        mine = [t for n in range(5) for t in _traces(shop, f"member_no:M{n}")]
        connection.execute(
            consents.update().where(consents.c.trace.in_(mine), consents.c.is_granted).values(withdrawn_at=NOW)
        )
    done = shop.privacy.retain(yes=True)
    assert {one.rule: one.rows for one in done.rules}["z"] == 14  # the placeholder among the phones never came in
    assert shop.stores.vault.count() == everybody - 14
    back = shop.folder / "data" / "back.csv"
    back.write_text(
        "会员号,手机号,邮箱,城市,姓名,入会日期\nM3,13800000003,m3@example.com,上海,王3,2027-12-30\n", encoding="utf-8"
    )
    shop.collect(back, source="members")
    assert shop.stores.vault.count() == everybody - 11


def test_the_keeper_does_it_once_a_day(shop):
    rule(shop, OLD)
    said = []
    at = retain_at(shop, None, said.append, 0.0)
    assert [one.rows for one in said] == [pytest.approx(said[0].rows)]
    assert "retention/old" in str(said[0])
    assert retain_at(shop, at, said.append, 59.0) == at
    retain_at(shop, at, said.append, 61.0)
    assert len(said) == 1
    with shop.stores.ledger.read() as connection:
        lines = connection.execute(select(audit.c.seq).where(audit.c.verb == "privacy retain")).all()
    assert len(lines) == 1


def test_who_may_not_see_persons_may_not_drop_them(shop):
    rule(shop, OLD)
    shop.who = Actor("guest", frozenset({"analyst"}))
    with pytest.raises(Refused):
        shop.privacy.retain(yes=True)


def test_a_run_that_is_cut_off_is_finished_by_the_next(shop, monkeypatch):
    """Killed between the new file and the catalog, and between the catalog and the old file."""
    from limner.store.lake import retaining

    rule(shop, OLD)
    young = rows(shop, "events", f"NOT ({CUT})")

    def die(*_given, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shop.stores.lake.catalog, "swap", die)
        with pytest.raises(KeyboardInterrupt):
            shop.privacy.retain(yes=True)
    assert rows(shop, "events") > young
    with monkeypatch.context() as patch:
        patch.setattr(retaining, "remove", die)
        with pytest.raises(KeyboardInterrupt):
            shop.privacy.retain(yes=True)
    assert rows(shop, "events") == young
    for path in (shop.folder / "state" / "lake").glob("*/*.parquet"):
        os.utime(path, (0, 0))
    shop.privacy.retain(yes=True)
    assert rows(shop, "events") == young
    on_disk = {f"events/{path.name}" for path in (shop.folder / "state" / "lake" / "events").glob("*.parquet")}
    assert on_disk == set(shop.stores.lake.catalog.all_files().of("events"))


def test_addresses_of_a_load_that_is_held_stay(shop):
    from sqlalchemy import update

    from limner.store.ledger.tables import loads

    rule(shop, "over: addresses\nmonths: 1\n")
    with shop.stores.ledger.write() as connection:
        connection.execute(update(loads).values(is_hidden=True))
        shop.stores.ledger.take(connection, "catalog")
    everybody = shop.stores.vault.count()
    assert shop.privacy.retain(yes=True).rows == 0
    assert shop.stores.vault.count() == everybody
