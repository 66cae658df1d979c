"""What nobody foresaw: the traceback goes into a file, one message to whoever asked."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from limner.edge.masking import masked_lines
from limner.edge.say import say


def unexpected(error: Exception, folder: Path, lang: str) -> str:
    """Write the traceback into the workspace's state (or the home folder) and say where; LIMNER_DEBUG raises it."""
    if os.environ.get("LIMNER_DEBUG"):
        raise error
    state = folder / "state"
    path = (state if state.is_dir() else Path.home()) / "limner-error.log"
    try:
        path.write_text(masked_lines("".join(traceback.format_exception(error))), encoding="utf-8")
    except OSError:
        path = Path("-")
    return say("door", "unexpected", lang, kind=type(error).__name__, why=masked_lines(str(error)), path=path)
