"""The one table from classes of errors to what a door answers: the exit code of a command, the status of a reply."""

from __future__ import annotations

from typing import Final

from limner.core.errors import (
    BadDefinition,
    BadInput,
    Broken,
    Busy,
    Clash,
    Full,
    LimnerError,
    NotFound,
    Refused,
)

WRONG_USAGE: Final = 2
"""The exit code of a command that is not one."""

STOPPED: Final = 130
"""The exit code of a command that was interrupted."""

_DOORS: Final[dict[type[LimnerError], tuple[int, int]]] = {
    BadInput: (1, 400),
    BadDefinition: (1, 422),
    NotFound: (1, 404),
    Clash: (1, 409),
    Refused: (1, 403),
    Busy: (1, 503),
    Broken: (1, 502),
    Full: (1, 507),
}


def exit_code(error: LimnerError) -> int:
    """The exit code of an error: 1, refused or failed with one message."""
    return _DOORS.get(type(error), (1, 500))[0]


def status(error: LimnerError) -> int:
    """The HTTP status of an error.

    >>> from limner.core.errors import words
    >>> status(NotFound(words("example_gone", "File {path} is gone. Put it back and run again."), path="a.csv"))
    404
    """
    return _DOORS.get(type(error), (1, 500))[1]
