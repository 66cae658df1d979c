"""Which of our languages somebody reads: the workspace's, the terminal's, or what a browser asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from limner.core.errors import LimnerError

LANGUAGES: Final = ("zh", "en")


def language_of(folder: Path) -> str:
    """The language of a workspace; outside a workspace, that of the terminal."""
    from limner.app.opening import settings_of

    try:
        return settings_of(folder).workspace.locale
    except (LimnerError, OSError):
        return spoken_here()


def spoken_here() -> str:
    """The language of the terminal."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if spoken.lower().startswith("zh") else "en"


def asked_language(header: str, otherwise: str) -> str:
    """The best of our languages in an Accept-Language header; the one given where it names none of them.

    >>> asked_language("fr, en;q=0.4, zh-CN;q=0.8", "en"), asked_language("fr", "zh"), asked_language("en;q=x", "zh")
    ('zh', 'zh', 'en')
    """
    best, found = 0.0, otherwise
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        lang = tag.strip().lower().partition("-")[0]
        share = _weight(weight)
        if lang in LANGUAGES and share > best:
            best, found = share, lang
    return found


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 1.0
