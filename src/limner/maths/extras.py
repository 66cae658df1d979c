"""Optional libraries, opened where they are used and named with the command that installs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from limner.core.errors import NotFound, words

LIBRARY_MISSING = words(
    "library_missing", "The library {library} is not installed. Install it with: pip install 'limner[{extra}]'"
)


def need(module: str, *, extra: str) -> ModuleType:
    """A module of an optional library; `NotFound` with the install command when it is absent.

    >>> need("json", extra="ml").__name__
    'json'
    >>> need("no_such_library", extra="ml")
    Traceback (most recent call last):
    limner.core.errors.NotFound: The library no_such_library is not installed. Install it with: pip install 'limner[ml]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or module.split(".")[0] != missing.name.split(".")[0]:
            raise
        raise NotFound(LIBRARY_MISSING, library=module.split(".")[0], extra=extra) from missing
