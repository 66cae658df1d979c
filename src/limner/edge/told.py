"""A process beside the front: what it works on, and how it ends when SIGTERM or Ctrl-C comes or the front is gone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import LimnerError
from limner.edge.say import say_error
from limner.edge.unexpected import unexpected

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

_LOWER: Final = 10
"""Added to the niceness: questions go before the work of such a process."""


class Told:
    """Whether this process has been told to end, or the front that started it (a process id) is gone.

    The signal interrupts what is under way, as Ctrl-C does. An engine may turn that into an error of its own: whatever
    fails after the signal has failed because of it.
    """

    def __init__(self, front: int) -> None:
        self.is_told = False
        self._front = front
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)

    def _hear(self, *_: object) -> None:
        self.is_told = True
        raise KeyboardInterrupt

    @property
    def is_over(self) -> bool:
        """Whether to go on no more."""
        return self.is_told or os.getppid() != self._front


def beside(arguments: list[str], work: Callable[[Workspace, Callable[[], bool]], None]) -> int:
    """Do the work of a process beside the front, given FOLDER and FRONT; its exit code.

    `work` is handed the open workspace and what says whether to end.
    """
    from limner.app.workspace import Workspace

    folder, told = Path(arguments[0]), Told(int(arguments[1]))
    os.nice(_LOWER)
    try:
        with Workspace(folder) as shop:
            work(shop, lambda: told.is_over)
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        if told.is_told:
            return 0
        if isinstance(error, LimnerError):
            tell(say_error(error, "en"))
        else:
            sys.stderr.write(unexpected(error, folder, "en") + "\n")
        return 1
    return 0


def tell(message: str) -> None:
    """Write a line with the moment before it."""
    sys.stderr.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {message}\n")
    sys.stderr.flush()
