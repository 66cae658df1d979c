"""Being told to end: what a process beside the front does when SIGTERM or Ctrl-C comes."""

from __future__ import annotations

import os
import signal


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
