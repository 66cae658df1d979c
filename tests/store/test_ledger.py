"""The ledger: migrations, one writer, counters, leases."""

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

NOW = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    return Ledger.at(tmp_path / "ledger.db")


def test_migrations_make_exactly_the_declared_tables(ledger):
    with ledger.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, tables.metadata) == []


def test_head_is_the_newest_migration():
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    assert sorted(p.name[1:5] for p in versions.glob("v*.py"))[-1] == migrate.HEAD


def test_a_ledger_of_a_newer_version_is_refused(ledger, tmp_path):
    with ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Clash, match="newer"):
        Ledger.at(tmp_path / "ledger.db")


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


def test_the_lease_of_a_living_process_is_kept(ledger, tmp_path):
    code = (
        "import sys, time; from datetime import UTC, datetime; from pathlib import Path\n"
        "from limner.store.ledger import Ledger\n"
        "with Ledger.at(Path(sys.argv[1])).lease('keeper', datetime.now(UTC), 'run'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "ledger.db")],
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


def _write(path, count):
    ledger = Ledger.at(path)
    for _ in range(count):
        with ledger.write() as connection:
            ledger.take(connection, "seq")


def test_processes_write_side_by_side(tmp_path):
    path = tmp_path / "ledger.db"
    Ledger.at(path)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(path, 25)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ledger = Ledger.at(path)
    with ledger.read() as connection:
        assert ledger.peek(connection, "seq") == 51
