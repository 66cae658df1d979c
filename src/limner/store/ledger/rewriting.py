"""PostgreSQL: deleted rows leave the files of their tables.

A vacuum frees the room of dead rows and leaves their bytes in it until something is written there. Only a table that is
written anew is free of them. That locks the table, so it is done for those that take a moment; where somebody is
reading for longer, a vacuum must do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import DDL, Connection, Table, func, select
from sqlalchemy.exc import DBAPIError

LARGE: Final = 256 << 20
"""Bytes of a table, its indexes included, from which on it is not written anew by itself."""

_said: Callable[[str], DDL] = DDL
_PATIENCE: Final = _said("SET lock_timeout = '5s'")
_USUAL: Final = _said("RESET lock_timeout")
_ANEW: Final = _said("VACUUM (FULL) %(fullname)s")
_VACUUM: Final = _said("VACUUM %(fullname)s")


def rewrite(connection: Connection, *, is_whole: bool) -> None:
    """Write the tables with rows of persons anew, and vacuum those that are large (unless `is_whole`) or in use.

    The connection commits every statement by itself.
    """
    from limner.store.ledger.erasures import tables_of_persons

    connection.execute(_PATIENCE)
    try:
        for table in tables_of_persons():
            size = connection.execute(select(func.pg_total_relation_size(table.name))).scalar_one()
            if not ((is_whole or size < LARGE) and _is_anew(connection, table)):
                connection.execute(_VACUUM.against(table))
    finally:
        connection.execute(_USUAL)


def _is_anew(connection: Connection, table: Table) -> bool:
    try:
        connection.execute(_ANEW.against(table))
    except DBAPIError:
        return False  # somebody reads it for longer than we wait
    return True
