"""Watched sources: what lies in their folders is taken in by itself, once it has stopped changing.

A folder is looked at, not listened to: that works over network shares and in containers. A file is taken when it has
looked the same for as long as its source says (`settle`); with a control file, when that is there too. A file that
cannot be used is said once, written down as failed, and left alone until it or its source changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import Busy, LimnerError, NotFound, words

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.sources import Collected
    from limner.flow.sources.definition import Source

NOT_WATCHED = words(
    "watch_nothing", "No source is watched. Write watch: true into a file of sources/ and run limner apply."
)

LONGEST: Final = 60.0
"""The longest wait after an error, in seconds."""

_LOOK: Final = 1.0
"""Seconds between two looks at what is due."""

_IDLE: Final = 10.0
"""Seconds between two looks for a source that is watched, as long as there is none."""

Say = Callable[["Collected | LimnerError"], None]


@dataclass(frozen=True, slots=True)
class Watched:
    """How it goes: when each source is looked at next, how each file looked and since when, and failures in a row.

    Moments are those of a clock that only goes forward, in seconds.
    """

    due: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[tuple[str, Path], tuple[str, float]] = field(default_factory=dict)
    failures: int = 0

    @property
    def wait(self) -> float:
        """Seconds until the next look."""
        return min(_LOOK * 2.0**self.failures, LONGEST)


def watch(
    shop: Workspace,
    say: Say,
    *,
    is_over: Callable[[], bool],
    sources: Sequence[str] = (),
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Take in what comes into watched sources (or `sources`, watched or not) until `is_over`.

    `say` hears of every collect that took something in, and of every error.
    """
    while not sources and not is_over() and not _is_begun(shop, say):
        sleep(_IDLE)
    state = Watched()
    while not is_over():
        state = look(shop, state, say, clock(), sources)
        if not is_over():
            sleep(state.wait)


def watched(shop: Workspace, names: Sequence[str] = ()) -> tuple[Source, ...]:
    """The sources named, or those that say `watch: true`."""
    from limner.flow.sources.definition import Source

    found = shop.definitions
    if names:
        return tuple(found.find(Source, name) for name in names)
    return tuple(source for source in found.of(Source).values() if source.watch)


def _is_begun(shop: Workspace, say: Say) -> bool:
    """Whether there is something to watch; what keeps us from knowing is said, and asked again."""
    try:
        return is_any_watched(shop)
    except LimnerError as error:
        say(error)
        return False


def is_any_watched(shop: Workspace) -> bool:
    """Whether a source is watched, asked of the ledger alone: no engine is opened for it."""
    from limner.app.opening import open_ledger
    from limner.flow.sources.definition import Source
    from limner.store.definitions import load_definitions

    ledger = open_ledger(shop.folder, shop.settings)
    try:
        return any(source.watch for source in load_definitions(ledger).of(Source).values())
    finally:
        ledger.close()


def need_watched(shop: Workspace) -> None:
    """Refuse to watch nothing."""
    if not watched(shop):
        raise NotFound(NOT_WATCHED)


def look(shop: Workspace, state: Watched, say: Say, at: float, names: Sequence[str] = ()) -> Watched:
    """One look at the sources that are due, and a collect of what is ready in them."""
    try:
        sources = watched(shop, names)
        for source in sources:
            if state.due.get(source.id, at) <= at:
                state = _look_at(shop, source, state, say, at)
    except Busy:
        return replace(state, failures=0)  # somebody else writes at this moment: the next look finds it
    except LimnerError as error:
        say(error)
        return replace(state, failures=state.failures + 1)
    return replace(state, failures=0)


def _look_at(shop: Workspace, source: Source, state: Watched, say: Say, at: float) -> Watched:
    from limner.flow.sources.watched import candidates

    if source.sql is not None:
        _draw(shop, source, say)
        return replace(state, due={**state.due, source.id: at + source.every.total_seconds()})
    current = candidates(shop.stores, source, shop.folder)
    before = {key: seen for key, seen in state.files.items() if key[0] != source.id}
    mine = {(source.id, path): _since(state, source, path, mark, at) for path, mark in current.items()}
    settled = source.settle.total_seconds()
    ready = [path for (_, path), (_, since) in mine.items() if at - since >= settled]
    if ready:
        _take(shop, source, ready, say)
    again = at + min(source.every.total_seconds(), _next(mine.values(), at, settled))
    return replace(state, due={**state.due, source.id: again}, files={**before, **mine})


def _draw(shop: Workspace, source: Source, say: Say) -> None:
    """Collect what is new in a database."""
    from limner.app.collecting import collect

    done = collect(shop, source.id)
    if done.loads:
        say(done)


def _since(state: Watched, source: Source, path: Path, mark: str, at: float) -> tuple[str, float]:
    seen = state.files.get((source.id, path))
    return seen if seen is not None and seen[0] == mark else (mark, at)


def _next(files: Iterable[tuple[str, float]], at: float, settled: float) -> float:
    """Seconds until the first file that is waiting may have settled; without one, for ever."""
    return min((max(since + settled - at, _LOOK) for _, since in files if at - since < settled), default=float("inf"))


def _take(shop: Workspace, source: Source, ready: Sequence[Path], say: Say) -> None:
    """Collect files; one that fails is said and left out, and the others go on."""
    from limner.app.collecting import collect
    from limner.flow.sources.watched import candidates

    left = list(ready)
    while left:
        try:
            done = collect(shop, source.id, file=left)
        except Busy:
            raise
        except LimnerError as error:
            still = candidates(shop.stores, source, shop.folder)
            kept = [path for path in left if path in still]
            if len(kept) == len(left):
                raise  # no file is to blame
            say(error)
            left = kept
            continue
        if done.loads:
            say(done)
        return
