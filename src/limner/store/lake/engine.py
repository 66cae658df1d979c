"""The contract of an engine: what runs the lake's SQL. One file each; the conformance suite runs on all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from limner.store.lake.tables import LakeTable

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from limner.store.ledger.erasures import Masked


class Engine(Protocol):
    """A place where the lake's tables can be asked and written.

    `query` answers in Arrow; `given` are small tables the caller hands in by name; `versions` asks a view at another
    than its published version. `append` is idempotent by `batch_id`: the only exactly-once primitive. `publish` is all
    or nothing and readers keep the old version.
    """

    name: str

    def query(
        self,
        sql: exp.Query,
        *,
        given: Mapping[str, pa.Table] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> pa.RecordBatchReader:
        """The answer of a query, as a stream of record batches."""
        ...

    def append(self, table: str, batch_id: str, rows: pa.Table | exp.Query, *, load: int | None = None) -> int:
        """Add rows once; the number of rows written, 0 when the batch stood there already."""
        ...

    def publish(self, view: str, version: str, rows: pa.Table | exp.Query) -> int:
        """Write a version of a view and make it the one readers see; the number of rows."""
        ...

    def tables(self) -> Mapping[str, LakeTable]:
        """The tables and their columns, declared properties included."""
        ...

    def drop(self, view: str, version: str) -> None:
        """Forget a version of a view."""
        ...

    def erase(self, masked: Masked) -> Mapping[str, int]:
        """Take the rows of a person out of every file; the number of rows by table."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
