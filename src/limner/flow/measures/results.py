"""Results in the lake: one row per number, so that a report, an alert or another tool can read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from limner.flow.measures.measured import Measured

if TYPE_CHECKING:
    from limner.store.stores import Stores

_RESULTS = pa.schema(
    [
        ("campaign", pa.string()),
        ("experiment", pa.string()),
        ("metric", pa.string()),
        ("arm", pa.string()),
        ("name", pa.string()),
        ("value", pa.float64()),
    ]
)


def keep(stores: Stores, version: str, measured: Sequence[Measured]) -> int:
    """Write results under `version`: one row per number; how many. None measured: an empty version."""
    rows: list[dict[str, Any]] = []
    for one in measured:
        common = {"campaign": one.campaign, "experiment": one.experiment}
        for arm in one.to_dicts():
            rows += [
                common | {"metric": "arm", "arm": str(arm["arm"]), "name": name, "value": float(str(value))}
                for name, value in arm.items()
                if name != "arm" and value is not None
            ]
        totals = [("money_in_all", one.money), ("hold_out_price", one.hold_out_price)]
        for metric, found in [*((lift.metric, lift.found) for lift in one.lifts), *totals]:
            rows += [] if found is None else [
                common | {"metric": metric, "arm": "", "name": name, "value": float(getattr(found, name))}
                for name in ("estimate", "low", "high", "p_value", "treated", "control")
            ]  # fmt: skip
    return stores.lake.publish("results", version, pa.Table.from_pylist(rows, schema=_RESULTS))
