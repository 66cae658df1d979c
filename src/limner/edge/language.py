"""Which of our languages somebody reads: the workspace's, the terminal's, or what a browser asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from limner.core.errors import LimnerError
from limner.core.settings import WorkspaceSettings, read_settings

LANGUAGES: Final = ("zh", "en")


def language_of(folder: Path) -> str:
    """The language of a workspace; outside a workspace, that of the terminal."""
    return settings_here(folder).locale


def settings_here(folder: Path) -> WorkspaceSettings:
    """A workspace's own settings; outside a workspace, the usual ones in the language of the terminal."""
    try:
        text = (folder / "limner.toml").read_text(encoding="utf-8")
        return read_settings(text, os.environ).workspace
    except (LimnerError, OSError, UnicodeDecodeError):
        return WorkspaceSettings(locale=spoken_here())


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
