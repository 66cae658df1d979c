"""What a file tells is history, unless its source or the run says that it is new."""

from __future__ import annotations

import pytest
import sqlglot

import limner
from limner.app.opening import make
from limner.core.errors import BadInput
from limner.edge.cli import run

TILL = """
files: [in]
{more}identifiers: {{member_no: m}}
events: [{{name: {{constant: Page Viewed}}, happened_at: t, order_id: m}}]
"""


@pytest.fixture
def home(tmp_path):
    found = make(tmp_path / "shop")
    for name in ("sources", "in"):
        (found / name).mkdir()
    return found


def put(home, member, more=""):
    (home / "sources" / "till.yaml").write_text(TILL.format(more=more))
    (home / "in" / f"{member}.csv").write_text(f"m,t\n{member},2026-08-01\n")


def history(shop):
    rows = shop.stores.lake.table(sqlglot.parse_one("SELECT order_id AS m, is_history AS h FROM events"))
    return {row["m"]: row["h"] for row in rows.to_pylist()}


def test_a_source_says_whether_its_rows_are_history(home):
    with limner.open(home) as shop:
        put(home, "A1")
        shop.apply()
        shop.collect()
        put(home, "A2", "is_history: false\n")
        shop.apply()
        shop.collect()  # what is in stays as it came
        assert history(shop) == {"A1": True, "A2": False}


def test_a_run_may_say_otherwise_and_the_files_are_known_afterwards(home):
    with limner.open(home) as shop:
        put(home, "A1")
        shop.apply()
        shop.collect(live=True)
        put(home, "A2", "is_history: false\n")
        shop.apply()
        shop.collect(history=True)
        assert history(shop) == {"A1": False, "A2": True}
        assert shop.collect().unchanged == 2
        with pytest.raises(BadInput, match="not both"):
            shop.collect(live=True, history=True)


def test_the_command_line_says_it_too(home, capsys):
    put(home, "A1")
    assert run(["apply", "-w", str(home), "--quiet"]) == 0
    assert run(["collect", "--live", "--history", "-w", str(home)]) == 1
    assert "--live" in capsys.readouterr().err
    assert run(["collect", "--live", "-w", str(home), "--quiet"]) == 0
    with limner.open(home) as shop:
        assert history(shop) == {"A1": False}
