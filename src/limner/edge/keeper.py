"""The keeper's process: `python -m limner.edge.keeper FOLDER FRONT`, started by `limner serve` and ended with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from limner.core.errors import LimnerError
from limner.edge.say import say, say_error
from limner.edge.told import beside, tell

if TYPE_CHECKING:
    from limner.app.privacy.retaining import Retained
    from limner.app.workspace import Workspace
    from limner.flow.channels.deliver import Delivered
    from limner.flow.sources.live.drain import Drained


def main(arguments: list[str]) -> int:
    """Keep a workspace until told to stop, or until the front is gone."""
    from limner.app.keeping import keep

    def work(shop: Workspace, is_over: Callable[[], bool]) -> None:
        lang = shop.settings.workspace.locale
        keep(shop, lambda news: _tell(news, lang), is_over=is_over)

    return beside(arguments, work)


def _tell(news: Delivered | Drained | Retained | LimnerError, lang: str) -> None:
    message = say_error(news, lang) if isinstance(news, LimnerError) else say("door", "delivered", lang, words=news)
    tell(message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
