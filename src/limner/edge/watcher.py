"""Watching folders: `limner watch`, and a server's own process for it, `python -m limner.edge.watcher FOLDER FRONT`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from limner.core.errors import LimnerError
from limner.edge.say import say, say_error
from limner.edge.told import beside, tell

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.sources import Collected


def watch(shop: Workspace, source: str | None = None) -> None:
    """Take in what comes into watched sources (or into one, watched or not) until told to stop."""
    from limner.app.watching import need_watched, watched
    from limner.app.watching import watch as go_on

    names = (source,) if source else ()
    if not names:
        need_watched(shop)
    lang = shop.settings.workspace.locale
    listed = ", ".join(found.name or found.id for found in watched(shop, names))
    sys.stderr.write(say("door", "watching", lang, sources=listed) + "\n")
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    go_on(shop, lambda news: _tell(news, lang), is_over=lambda: False, sources=names)


def main(arguments: list[str]) -> int:
    """Watch a workspace's folders until told to stop, or until the front is gone."""
    from limner.app.watching import watch as go_on

    def work(shop: Workspace, is_over: Callable[[], bool]) -> None:
        lang = shop.settings.workspace.locale
        go_on(shop, lambda news: _tell(news, lang), is_over=is_over)

    return beside(arguments, work)


def _tell(news: Collected | LimnerError, lang: str) -> None:
    message = say_error(news, lang) if isinstance(news, LimnerError) else _said(news, lang)
    tell(message)


def _said(news: Collected, lang: str) -> str:
    taken = [one for one in news.files if not one.is_unchanged]
    names = "、" if lang == "zh" else ", "
    return say(
        "door",
        "collected",
        lang,
        source=taken[0].source,
        files=names.join(one.file for one in taken[:3]) + (" …" if len(taken) > 3 else ""),
        rows=f"{news.rows:,}",
        used=f"{news.used:,}",
        rejected=f"{sum(news.rejected.values()):,}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
