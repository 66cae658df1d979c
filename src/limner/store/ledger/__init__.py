"""The ledger: definitions, state and the catalog of the lake, in one SQL database with one writer."""

from limner.store.ledger.ledger import Ledger

__all__ = ["Ledger"]
