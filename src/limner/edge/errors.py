"""The one table from classes of errors to what a door answers: the exit code of a command, the status of a reply."""

from __future__ import annotations

import errno
import os
from typing import Final

from limner.core.errors import (
    BadDefinition,
    BadInput,
    Broken,
    Busy,
    Clash,
    Full,
    Lacking,
    LimnerError,
    NotFound,
    Refused,
    words,
)

NO_ROOM = words("door_disk_full", "There is no room left on the disk. Free some space, then run this again.")
UNUSABLE = words("door_file_unusable", "{path} cannot be used: {why}. Name a place that can be read and written.")

WRONG_USAGE: Final = 2
"""The exit code of a command that is not one."""

STOPPED: Final = 130
"""The exit code of a command that was interrupted."""

_DOORS: Final[dict[type[LimnerError], tuple[int, int]]] = {
    BadInput: (1, 400),
    BadDefinition: (1, 422),
    Lacking: (1, 424),
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


def ours(error: OSError) -> LimnerError | None:
    """What the system says of a file or a disk, as one of our errors; None for what is nobody's file.

    >>> str(ours(FileNotFoundError(errno.ENOENT, "No such file or directory", "/no/report.html")))
    '/no/report.html cannot be used: No such file or directory. Name a place that can be read and written.'
    """
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Full(NO_ROOM)
    if error.filename is not None and error.errno:
        return BadInput(UNUSABLE, path=error.filename, why=os.strerror(error.errno))
    return None
