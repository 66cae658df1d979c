"""Optional libraries, opened where they are used and named with the command that installs them."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
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


def one_thread(api: str = "blas") -> AbstractContextManager[object]:
    """Keep a library's own threads to the one that asks, while blocks of rows are worked on side by side: its threads
    wait for each other at every block, which takes many times as long on a machine that has something else to do."""
    limits: AbstractContextManager[object] = need("threadpoolctl", extra="ml").threadpool_limits(1, user_api=api)
    return limits
