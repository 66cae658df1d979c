"""Make every definition class known: those of core, and those a station brings in a module named `definition`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache

import limner.core.ours
import limner.flow


@cache
def know_definitions() -> None:
    """Import the definition classes of all stations; one that is added is known by its module's name alone."""
    importlib.import_module(limner.core.ours.__name__)
    for station in pkgutil.iter_modules(limner.flow.__path__, "limner.flow."):
        if station.ispkg and importlib.util.find_spec(f"{station.name}.definition") is not None:
            importlib.import_module(f"{station.name}.definition")
