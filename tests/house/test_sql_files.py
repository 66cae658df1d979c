"""Every `.sql` file is one query in our dialect, uses listed functions only, and can be said by the other engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlglot import exp, parse_one

from house.source import SOURCE
from limner.store.lake.sql import DIALECTS, load, statement, write

FILES = sorted(SOURCE.glob("limner/**/*.sql"))
GIVEN: dict[str, object] = {
    "timestamp": datetime(2026, 9, 1, tzinfo=UTC),
    "date": date(2026, 9, 1),
    "int": 1,
    "decimal": Decimal(1),
    "text": "a",
    "bool": True,
    "ints": [1, 2],
    "texts": ["a", "b"],
    "table": exp.to_table("given"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(SOURCE)) for p in FILES])
def test_a_file_is_read_and_said_in_every_dialect(path: object, dialect: str) -> None:
    package = ".".join(path.relative_to(SOURCE).parent.parts)  # type: ignore[attr-defined]
    needs = load(package, path.name).needs  # type: ignore[attr-defined]
    query = statement(package, path.name, **{name: GIVEN[kind] for name, kind in needs.items()})  # type: ignore[attr-defined]
    assert parse_one(write(query, dialect), read=dialect) is not None
