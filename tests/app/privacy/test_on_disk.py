"""After an erasure on PostgreSQL: the rows of the person are in no file of a table, not even as bytes nobody reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from limner.app.privacy.people import person_of
from limner.app.workspace import Workspace
from postgres import fresh, postgres
from small_shop import write_shop

WHO = "member_no:M13"
SAID = "a letter about quokkas"


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


def test_nothing_of_an_erased_person_is_left_in_the_files_of_tables(tmp_path, server):
    psycopg = pytest.importorskip("psycopg")
    database = fresh(server, "erased")
    folder = write_shop(tmp_path / "shop")
    with (folder / "limner.toml").open("a", encoding="utf-8") as file:
        file.write(f'[stores]\nledger = "{database}"\n')
    moments = iter(datetime(2026, 9, 1, 2, tzinfo=UTC) + timedelta(seconds=n) for n in range(100_000))
    with (
        Workspace(folder, clock=lambda: next(moments)) as shop,
        psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        shop.apply()
        shop.collect()
        shop.run("2026-09-01")
        shop.consent(WHO).refuse("sms", proof=SAID)
        person = person_of(shop, WHO)
        sought = [SAID.encode(), *(bytes(one.hash) for one in person.identifiers)]
        base = Path(connection.execute("SHOW data_directory").fetchone()[0]) / "base"
        connection.execute("CHECKPOINT")
        assert len(_holding(base, sought)) >= 2
        erased = shop.privacy.erase(WHO, yes=True, why="a letter")
        assert erased.proof.is_clean
        connection.execute("CHECKPOINT")
        assert _holding(base, sought) == []
        assert shop.customer("member_no:M14").show().tags["orders"] == 2


def _holding(folder, sought):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [str(path) for path in files if any(needle in path.read_bytes() for needle in sought)]
