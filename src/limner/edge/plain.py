"""Results as JSON: dataclasses as mappings, instants as ISO text, money and other decimals as numbers as written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any


def plain(value: object) -> Any:
    """A result as what JSON can hold. It may say so itself with `to_json` or `to_dict`; NaN and infinity become null.

    >>> plain({"cost": Decimal("1.50"), "at": date(2026, 9, 1)})
    {'cost': 1.5, 'at': '2026-09-01'}
    """
    own = getattr(value, "to_json", None) or getattr(value, "to_dict", None)
    if callable(own):
        return plain(own())
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return _scalar(value)


def _scalar(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return _scalar(value.item())
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def as_json(value: object) -> str:
    """One JSON document, Chinese as it is."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2)
