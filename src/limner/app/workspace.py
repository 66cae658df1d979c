"""`Workspace`: a folder of definitions and its stores, with the verbs. It holds stores and hands stores, never itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from limner.core.actor import OWNER, Actor
from limner.core.tell import Tell, silent

if TYPE_CHECKING:
    from limner.core.settings import Settings
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores


def _now() -> datetime:
    return datetime.now(UTC)


class Workspace:
    """An open workspace. `clock` gives the present moment; `tell` hears of progress; `who` is the operator.

    >>> import tempfile
    >>> from limner.app.opening import make
    >>> with Workspace(make(Path(tempfile.mkdtemp()) / "shop")) as shop:
    ...     shop.settings.workspace.name
    'shop'
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        who: Actor = OWNER,
        clock: Callable[[], datetime] = _now,
        tell: Tell = silent,
    ) -> None:
        from limner.app.opening import settings_of

        self.folder = Path(folder)
        self.who, self.clock, self.tell = who, clock, tell
        self.settings: Settings = settings_of(self.folder)

    @cached_property
    def stores(self) -> Stores:
        """The stores, opened at the first question."""
        from limner.app.opening import open_stores

        return open_stores(self.folder, self.settings)

    @property
    def definitions(self) -> Definitions:
        """The definitions in force, built-in tags included."""
        from limner.app.known import known_definitions

        return known_definitions(self.stores)

    def declare(self) -> None:
        """Let the lake know the properties now declared: each is a typed column of events."""
        from limner.core.ours import Property

        declared = self.definitions.of(Property)
        self.stores.lake.declare([(name, value.type) for name, value in declared.items()])

    def close(self) -> None:
        """Let go of the stores."""
        if "stores" in self.__dict__:
            self.stores.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Workspace {self.settings.workspace.name!r} in {self.folder}>"
