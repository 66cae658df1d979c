"""Bring a ledger to this version's tables: numbered migrations, run by Alembic only when they are needed."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from limner.core.errors import Clash, words

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

HEAD = max(path.name[1:5] for path in _VERSIONS.glob("v[0-9]*.py"))
"""The newest migration: the number in the name of the last file of `migrations/versions`."""

TOO_NEW = words(
    "ledger_too_new",
    "The ledger was written by a newer Limner (migration {found}, this one knows up to {head}). Upgrade Limner.",
)


def migrate(engine: Engine) -> None:
    """Run what is missing. Alembic is imported only when there is something to do."""
    found = _found(engine)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise Clash(TOO_NEW, found=found, head=HEAD)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect().execution_options(limner_write=True) as connection:
        config.attributes["connection"] = connection
        with connection.begin():
            if _found_on(connection) != HEAD:
                command.upgrade(config, "head")


def _found(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _found_on(connection)


def _found_on(connection: object) -> str | None:
    from sqlalchemy import Connection

    if not isinstance(connection, Connection) or not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
