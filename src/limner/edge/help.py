"""The help of the commands in the operator's language; English stands in the verb table."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from limner.edge.language import settings_here
from limner.edge.say import words_of


def helped(section: str, key: str, english: str) -> str:
    """A line of help: the words of the language spoken here, or the English."""
    return str(words_of(_language()).get(section, {}).get(key, english))


@cache
def _language() -> str:
    return settings_here(Path()).locale
