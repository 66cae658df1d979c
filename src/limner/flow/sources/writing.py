"""A drafted mapping as commented YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from limner.flow.sources.guesses import Guess
    from limner.flow.sources.looks import Look

_SECTIONS = {
    "identifiers": "Who: every identifier of a record; the strongest one gives the row its customer.",
    "cancelled": "Rows that count as cancelled.",
    "events": "What happened.",
    "consents": "What customers allowed and refused, by channel.",
    "lines": "The lines of orders; lines of one order number become one event.",
    "traits": "What is said of a customer.",
    "items": "What can be bought.",
    "sites": "Stores and branches.",
    "ask": "What the file cannot say by itself. The answers are assumed: where one is wrong, change the mapping above.",
}
_PLAIN = re.compile(r"[\w][\w /.()（）+-]*")


def written(body: Mapping[str, Any], guessed: Guess, look: Look) -> str:
    """The YAML of a drafted source with a remark on every guess."""
    lines = [
        f"# Drafted from {look.path.name} by a look at {len(look.rows):,} rows: {guessed.told[0]}.",
        "# Lines with (guess) are guesses. Check them, change what is wrong, then run: limner apply, limner collect.",
        "# Times without a zone are read in the workspace's zone (limner.toml); write zone: here where it is another.",
    ]
    for key, value in body.items():
        if key in _SECTIONS:
            lines += ["", f"# {_SECTIONS[key]}"]
        lines += _block(key, value, guessed.remarks)
    unused = [c.name for c in look.columns.values() if c.name not in guessed.remarks]
    if unused:
        lines += ["", f"# Not used: {', '.join(unused)}"]
    return "\n".join(lines) + "\n"


def _block(key: str, value: Any, remarks: Mapping[str, str]) -> list[str]:
    if isinstance(value, Mapping) and key in _SECTIONS:
        return [f"{key}:", *(f"  {scalar(k)}: {flow(v)}{_remark(v, remarks)}" for k, v in value.items())]
    if key in ("events", "consents"):
        lines = [f"{key}:"]
        for entry in value:
            parts = [f"{scalar(k)}: {flow(v)}{_remark(v, remarks)}" for k, v in entry.items()]
            lines += [f"  - {parts[0]}", *(f"    {part}" for part in parts[1:])]
        return lines
    if key == "watch":
        return ["watch: true  # limner serve, and limner watch, take in what comes into the folder"]
    return [f"{key}: {flow(value)}{_remark(value, remarks)}"]


def _remark(value: Any, remarks: Mapping[str, str]) -> str:
    name = value.get("column") if isinstance(value, Mapping) else value
    return f"  # {remarks[name]}" if isinstance(name, str) and name in remarks else ""


def flow(value: Any) -> str:
    """A value in one line of YAML.

    >>> flow({"column": "付款: 时间", "order": "dmy"})
    '{column: "付款: 时间", order: dmy}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Text as YAML reads it back, in quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and not value.endswith(" ") and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
