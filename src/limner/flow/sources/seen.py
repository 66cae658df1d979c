"""The texts of a kind of identifier seen in one collect, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limner.flow.sources.known import NO_TRACE, Flags, Ints
from limner.flow.sources.texts import Hashes, Texts

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Told:
    """What became of identifiers, row by row: the trace, whether it may stand for somebody, and for a person.

    `why` says the reason of those that have no trace but state something; None when no row has one.
    """

    trace: Ints
    usable: Flags
    person: Flags
    why: pa.Array | None

    def column(self) -> pa.Array:
        """The traces with null for none."""
        import pyarrow as pa

        return pa.array(self.trace, mask=self.trace == NO_TRACE)


class Seen:
    """Texts with what became of them. Behind them stands a last place for rows without a text."""

    def __init__(self) -> None:
        self._texts = Texts()
        self._trace = np.array([NO_TRACE], np.int32)
        self._usable, self._person = np.zeros(1, np.bool_), np.zeros(1, np.bool_)
        self._why: list[str] = []
        self._reason = np.full(1, -1, np.int32)

    def places(self, column: pa.ChunkedArray, hashes: Hashes) -> Ints:
        """The place of each text, -1 for one that has not been seen and for a row without one."""
        return self._texts.find(column, hashes)

    def add(
        self, texts: pa.Array, hashes: Hashes, trace: Ints, usable: Flags, person: Flags, why: Sequence[str | None]
    ) -> None:
        """Add texts that have not been seen; none of them is null."""
        self._texts.add(texts, hashes)
        self._trace = _before_last(self._trace, trace)
        self._usable = _before_last(self._usable, usable)
        self._person = _before_last(self._person, person)
        self._why += sorted({reason for reason in why if reason} - set(self._why))
        code = {reason: place for place, reason in enumerate(self._why)}
        reasons = [code[reason] if reason else -1 for reason in why] if any(why) else np.full(len(texts), -1)
        self._reason = _before_last(self._reason, np.asarray(reasons, np.int32))

    def told(self, places: Ints) -> Told:
        """What became of the texts at places."""
        return Told(self._trace[places], self._usable[places], self._person[places], self._reasons(places))

    def _reasons(self, places: Ints) -> pa.Array | None:
        import pyarrow as pa

        code = self._reason[places] if self._why else None
        if code is None or not (code >= 0).any():
            return None
        return pa.array(self._why, pa.string()).take(pa.array(code, mask=code < 0))


def _before_last(column: np.ndarray, more: np.ndarray) -> np.ndarray:
    return np.concatenate([column[:-1], more, column[-1:]])
