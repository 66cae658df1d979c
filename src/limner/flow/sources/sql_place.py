"""Where a database is and what is asked of it: a URL without a password in it, one statement that only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from limner.core.errors import BadDefinition, Broken, NotFound, near, words
from limner.core.normal import masked
from limner.flow.sources.definition import Source
from limner.flow.sources.layouts import SqlRead

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, FromClause, Subquery, TableClause

TABLE_OR_QUERY = words("sql_table_or_query", "Source {source!r}: say either a table or a query, not {what}.")
HAS_PASSWORD = words(
    "sql_password_written",
    "Source {source!r}: its url has a password in it, which would be stored with the definition. Write url: env:NAME "
    "and put the URL into that variable, or url: file:PATH.",
)
NOT_A_URL = words(
    "sql_url_bad", "Source {source!r}: its url cannot be read. Write it like postgresql+psycopg://reader@host/database."
)
NO_DRIVER = words(
    "sql_driver_missing",
    "Source {source!r}: the driver for {name} is not installed ({why}). For PostgreSQL: "
    "pip install 'limner[postgres]'.",
)
NOT_A_READING = words(
    "sql_not_a_reading", "Source {source!r}: its query must be one SELECT that changes nothing; it has {what}."
)
NO_TABLE = words("sql_table_missing", "Source {source!r}: the database has no table {table!r}.")
NO_COLUMN = words("sql_column_missing", "Source {source!r}: {what} {column!r} is not a column. There are: {known}.")
NOT_ANSWERED = words(
    "sql_not_answered", "Source {source!r}: the database does not answer: {why}. Nothing of it was taken."
)
NO_FILE = words("sql_file_missing", "Source {source!r}: there is no database file {path}.")

_DIALECTS: Final[Mapping[str, str]] = {
    "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "oracle": "oracle",
    "mssql": "tsql", "clickhouse": "clickhouse", "snowflake": "snowflake", "duckdb": "duckdb", "hive": "hive",
}  # fmt: skip
_ACTS: Final = frozenset(
    {"nextval", "setval", "pg_sleep", "sleep", "benchmark", "load_file", "load_extension", "xp_cmdshell", "writefile"}
)
_ACT_BEGINS: Final = ("lo_", "dblink", "pg_read_", "pg_write_", "pg_terminate", "pg_cancel", "pg_ls", "pg_advisory")
"""Functions that do something, or read what is not data."""


def check_sql(source: Source) -> None:
    """Refuse a database source that says too little or too much, before anything is asked."""
    sql = source.sql
    if sql is None:
        return
    if bool(sql.table) == bool(sql.query):
        raise BadDefinition(TABLE_OR_QUERY, source=source.id, what="both" if sql.table else "neither")
    if not sql.url.startswith(("env:", "file:")) and _url(source, sql.url).password:
        raise BadDefinition(HAS_PASSWORD, source=source.id)
    if sql.query:
        plain = sql.url.startswith(("env:", "file:"))
        check_query(source, sql.query, "" if plain else _url(source, sql.url).get_backend_name())


def _url(source: Source, text: str) -> Any:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text)
    except ArgumentError:
        raise BadDefinition(NOT_A_URL, source=source.id) from None


def check_query(source: Source, query: str, backend: str) -> None:
    """Refuse what is not one statement that only reads. Raises BadDefinition."""
    import sqlglot
    from sqlglot import exp

    def refused(what: str) -> BadDefinition:
        return BadDefinition(NOT_A_READING, source=source.id, what=what)

    try:
        found = [part for part in sqlglot.parse(query, read=_DIALECTS.get(backend) or None) if part is not None]
    except sqlglot.errors.SqlglotError as error:
        raise refused(f"what cannot be read: {str(error).splitlines()[0]}") from None
    if len(found) != 1:
        raise refused(f"{len(found)} statements")
    if not isinstance(found[0], exp.Query):
        raise refused(found[0].key.upper())
    for node in found[0].walk():
        if isinstance(node, exp.DML | exp.DDL | exp.Command | exp.Into | exp.Lock) and not isinstance(node, exp.Query):
            raise refused(node.key.upper())
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if name in _ACTS or name.startswith(_ACT_BEGINS):
            raise refused(f"the function {name}")


@contextmanager
def reading(source: Source, url: str, folder: Path) -> Iterator[Connection]:
    """A connection that only reads, and sees one moment. What the database says is told without values of rows."""
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

    try:
        engine = _engine(source, url, folder)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise Broken(NO_DRIVER, source=source.id, name=url.split(":")[0], why=str(error)) from None
    try:
        with engine.connect() as connection:
            yield _read_only(connection)
    except DBAPIError as error:
        raise Broken(NOT_ANSWERED, source=source.id, why=_said(error.orig)) from None
    except SQLAlchemyError as error:
        raise Broken(NOT_ANSWERED, source=source.id, why=_said(error)) from None
    finally:
        engine.dispose()


def _said(error: object) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(masked(word) for word in lines[0].split())


def _engine(source: Source, url: str, folder: Path) -> Engine:
    from sqlalchemy import NullPool, create_engine

    made = _url(source, url)
    if made.get_backend_name() == "sqlite" and made.database and made.database != ":memory:":
        path = folder / made.database
        if not path.is_file():
            raise NotFound(NO_FILE, source=source.id, path=path)
        made = made.set(database=str(path))
    return create_engine(made, poolclass=NullPool)


def _read_only(connection: Connection) -> Connection:
    match connection.dialect.name:
        case "postgresql":
            return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        case "mysql" | "mariadb":
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.commit()
    return connection


def relation(source: Source, connection: Connection) -> FromClause:
    """What rows are read from, with its columns: the table as the database has it, or the query."""
    sql = source.sql
    if sql is None:
        raise BadDefinition(TABLE_OR_QUERY, source=source.id, what="neither")
    found = _table(source, sql, connection) if sql.table else _query(source, sql, connection)
    for what, name in (("the cursor", sql.cursor), ("the key", sql.key)):
        if name and name not in found.c:
            known = list(found.c.keys())
            raise BadDefinition(
                NO_COLUMN, near=near(name, known), source=source.id, what=what, column=name, known=", ".join(known)
            )
    return found


def _table(source: Source, sql: SqlRead, connection: Connection) -> TableClause:
    from sqlalchemy import MetaData, Table
    from sqlalchemy.exc import NoSuchTableError

    schema, _, name = sql.table.rpartition(".")
    try:
        return Table(name, MetaData(), schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        raise NotFound(NO_TABLE, source=source.id, table=sql.table) from None


def _query(source: Source, sql: SqlRead, connection: Connection) -> Subquery:
    from sqlalchemy import column, false, literal_column, select, text

    check_query(source, sql.query, connection.dialect.name)
    body = sql.query.strip().rstrip(";").replace(":", "\\:")
    bare = text(body).columns().subquery("asked")
    names: Sequence[str] = list(connection.execute(select(literal_column("*")).select_from(bare).where(false())).keys())
    return text(body).columns(*(column(name) for name in names)).subquery("asked")
