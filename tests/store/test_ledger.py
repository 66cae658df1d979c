"""The ledger: migrations, one writer, counters, leases."""

import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text

from limner.core.errors import Broken, Busy, Clash
from limner.store.ledger import Ledger, migrate, tables
from limner.store.ledger.bulk import insert_rows
from limner.store.ledger.many import among, numbers, plain
from postgres import fresh, postgres

NOW = datetime(2026, 9, 1, tzinfo=UTC)
NAMES = itertools.count()


@pytest.fixture(scope="module")
def cluster():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty ledger, on each of the databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return fresh(request.getfixturevalue("cluster"), f"t{next(NAMES)}")


@pytest.fixture
def ledger(url):
    found = Ledger(url)
    yield found
    found.close()


def test_migrations_make_exactly_the_declared_tables(ledger):
    with ledger.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, tables.metadata) == []


def test_head_is_the_newest_migration():
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    assert sorted(p.name[1:5] for p in versions.glob("v*.py"))[-1] == migrate.HEAD


def test_a_ledger_of_a_newer_version_is_refused(ledger, url):
    with ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Clash, match="newer"):
        Ledger(url)


def test_a_file_that_is_no_ledger_is_named(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(Broken, match="not a database"):
        Ledger.at(tmp_path / "ledger.db")


def test_a_failed_write_leaves_nothing(ledger):
    with pytest.raises(RuntimeError), ledger.write() as connection:
        ledger.take(connection, "seq", 5)
        raise RuntimeError
    with ledger.read() as connection:
        assert ledger.peek(connection, "seq") == 1


def test_counters_give_each_number_once_to_threads(ledger):
    got = []

    def take():
        for _ in range(20):
            with ledger.write() as connection:
                got.append(ledger.take(connection, "seq", 3))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 241, 3))


def test_instants_and_money_come_back_exactly(ledger):
    row = {
        "touch_id": 1, "message_key": "k", "plan_id": 1, "campaign": "c", "number": 1, "trace": 1, "channel": "sms",
        "offer": "o", "message_class": "marketing", "handed_over_at": NOW.replace(microsecond=123456), "attempts": 1,
        "is_uncertain": False, "cost": Decimal("0.0501"),
    }  # fmt: skip
    with ledger.write() as connection:
        connection.execute(insert(tables.touches).values(**row))
    with ledger.read() as connection:
        found = connection.execute(select(tables.touches)).mappings().one()
    assert found["handed_over_at"] == row["handed_over_at"]
    assert found["cost"] == row["cost"]


def test_a_set_of_numbers_is_one_value_and_plain_columns_are_whole_numbers(ledger):
    columns = (
        "seq",
        "source",
        "kind",
        "hash",
        "trace",
        "channel",
        "purpose",
        "is_granted",
        "happened_at",
        "received_at",
    )
    rows = [(n, "s", "phone", bytes(16), n % 7, "sms", "marketing", n % 2 == 0, n, n) for n in range(1, 101)]
    row = tables.consents.c
    with ledger.write() as connection:
        assert insert_rows(connection, tables.consents, columns, rows) == 100
    with ledger.read() as connection:
        question = select(*plain(row.seq, row.is_granted, row.happened_at, row.until_at))
        found = connection.execute(question.where(among(row.trace, [3, 3, 99])).order_by(row.seq)).all()
        assert [tuple(map(int, one[:3])) for one in found] == [(n, n % 2 == 0, n) for n in range(1, 101) if n % 7 == 3]
        assert {one[3] for one in found} == {None}
        assert connection.execute(question.where(among(row.trace, []))).all() == []
        columns = [column.tolist() for column in numbers(connection, question.order_by(row.seq), absent=-7)]
        assert columns[0] == columns[2] == list(range(1, 101))
        assert columns[1] == [int(n % 2 == 0) for n in range(1, 101)]
        assert set(columns[3]) == {-7}
        assert [c.tolist() for c in numbers(connection, question.where(row.seq < 0))] == [[]] * 4


def test_a_reader_sees_one_snapshot_and_a_writer_does_not_wait_for_it(ledger):
    with ledger.read() as reader:
        assert ledger.peek(reader, "seq") == 1
        with ledger.write() as connection:
            ledger.take(connection, "seq", 5)
        assert ledger.peek(reader, "seq") == 1
    with ledger.read() as reader:
        assert ledger.peek(reader, "seq") == 6


def test_the_lease_of_a_living_process_is_kept(ledger, url):
    code = (
        "import sys, time; from datetime import UTC, datetime\n"
        "from limner.store.ledger import Ledger\n"
        "with Ledger(sys.argv[1]).lease('keeper', datetime.now(UTC), 'run'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    child = subprocess.Popen(
        [sys.executable, "-c", code, url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert child.stdout.readline().strip() == b"held"
        with pytest.raises(Busy, match=f"run is already running.*{child.pid}"), ledger.lease("keeper", NOW, "collect"):
            pass
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with ledger.lease("keeper", NOW, "collect") as fence, ledger.lease("keeper", NOW, "run") as same:
        assert fence == same
    with ledger.read() as connection:
        assert connection.execute(select(tables.leases)).first() is None


def _write(url, count):
    ledger = Ledger(url)
    for _ in range(count):
        with ledger.write() as connection:
            ledger.take(connection, "seq")


def test_processes_write_side_by_side(ledger, url):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(url, 25)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with ledger.read() as connection:
        assert ledger.peek(connection, "seq") == 51
