"""The stores of one workspace, opened together and handed to stations."""

from __future__ import annotations

from dataclasses import dataclass

from limner.core.settings import Settings
from limner.store.gallery import Gallery
from limner.store.lake.duckdb import DuckLake
from limner.store.ledger import Ledger
from limner.store.stream import Stream
from limner.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Stores:
    """Ledger, lake, gallery, vault and stream, with the key identifiers are hashed with and the settings read once."""

    ledger: Ledger
    lake: DuckLake
    gallery: Gallery
    vault: Vault
    stream: Stream
    hash_key: bytes
    settings: Settings

    def close(self) -> None:
        """Let go of files and connections."""
        self.stream.close()
        self.lake.close()
        self.ledger.close()
