"""Questions that can be called off: each has a name the asker gave it, and is stopped before its next condition."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.core.errors import Clash, NotFound, words

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

CALLED_OFF = words("question_cancelled", "The question {question!r} was cancelled, so it has no answer.")
UNKNOWN_QUESTION = words(
    "question_unknown", "No question named {question!r} is being answered: it is over, or was never asked."
)
TWICE = words(
    "question_twice", "A question named {question!r} is being answered already. Give each question a name of its own."
)


class Questions:
    """The questions being answered now; safe to share among threads."""

    def __init__(self) -> None:
        self._stopped: dict[tuple[str, str], threading.Event] = {}
        self._guard = threading.Lock()

    @contextmanager
    def asked(self, who: str, question: str | None) -> Iterator[Callable[[], None] | None]:
        """While the block runs the question may be called off; what it gives raises once it was. No name: None."""
        if not question:
            yield None
            return
        key, stopped = (who, question), threading.Event()
        with self._guard:
            if key in self._stopped:
                raise Clash(TWICE, question=question)
            self._stopped[key] = stopped

        def stop() -> None:
            if stopped.is_set():
                raise Clash(CALLED_OFF, question=question)

        try:
            yield stop
        finally:
            with self._guard:
                del self._stopped[key]

    def cancel(self, who: str, question: str) -> None:
        """Call a question off; whose it is not does not know of it."""
        with self._guard:
            stopped = self._stopped.get((who, question))
        if stopped is None:
            raise NotFound(UNKNOWN_QUESTION, question=question)
        stopped.set()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The name of a question that was called off."""

    question: str


def cancel(shop: Workspace, question: str) -> Cancelled:
    """Call off a question this actor asked. It ends before its next condition, with an error that says so."""
    shop.questions.cancel(shop.who.id, question)
    return Cancelled(question)
