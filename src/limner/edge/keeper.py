"""The keeper's process: `python -m limner.edge.keeper FOLDER FRONT`, started by `limner serve` and ended with it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from limner.core.errors import LimnerError
from limner.edge.say import say, say_error
from limner.edge.told import Told
from limner.edge.unexpected import unexpected

if TYPE_CHECKING:
    from limner.flow.channels.deliver import Delivered
    from limner.flow.sources.live.drain import Drained

_LOWER = 10
"""Added to the niceness: questions go before deliveries."""


def main(arguments: list[str]) -> int:
    """Keep a workspace until told to stop, or until the front is gone."""
    from limner.app.keeping import keep
    from limner.app.workspace import Workspace

    folder, told = Path(arguments[0]), Told(int(arguments[1]))
    os.nice(_LOWER)
    try:
        with Workspace(folder) as shop:
            lang = shop.settings.workspace.locale
            keep(shop, lambda news: _tell(news, lang), is_over=lambda: told.is_over)
    except KeyboardInterrupt:
        pass
    except LimnerError as error:
        if told.is_told:
            return 0
        _tell(error, "en")
        return 1
    except Exception as error:
        if told.is_told:
            return 0
        sys.stderr.write(unexpected(error, folder, "en") + "\n")
        return 1
    return 0


def _tell(news: Delivered | Drained | LimnerError, lang: str) -> None:
    message = say_error(news, lang) if isinstance(news, LimnerError) else say("door", "delivered", lang, words=news)
    sys.stderr.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
