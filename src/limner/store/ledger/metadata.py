"""What the tables of the ledger are gathered in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData

metadata = MetaData()


def id_column(name: str) -> Column[int]:
    """The key of rows numbered by the ledger."""
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
