"""Our words in the operator's language: `edge/words/{en,zh}.toml`, keyed by our word."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from limner.core.errors import LimnerError, Words


@cache
def words_of(lang: str) -> Mapping[str, Any]:
    """All words of a language."""
    text = resources.files("limner.edge").joinpath(f"words/{lang}.toml").read_text("utf-8")
    return tomllib.loads(text)


def say(section: str, key: str, lang: str, **values: object) -> str:
    """A word or sentence of a section; the key itself when the language has none for it."""
    found = words_of(lang).get(section, {}).get(key)
    text = key if found is None else str(found)
    return text.format(**values) if values else text


def say_error(error: LimnerError, lang: str) -> str:
    """The message of an error in a language; English where it has not been translated. Errors it lists are said too."""
    sentence = words_of(lang).get("errors", {}).get(error.code)
    told = type(error)(
        Words(error.code), near=error.near, **{name: _worded(value, lang) for name, value in error.params.items()}
    )
    told.place = error.place
    return told.say(sentence, say("door", "did_you_mean", lang))


def _lists_errors(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(part, LimnerError) for part in value)


def _worded(value: object, lang: str) -> object:
    """A parameter in a language: errors it lists, or a bound that is said in words; else as it is."""
    if isinstance(value, tuple) and _lists_errors(value):
        return "\n".join(f"- {say_error(part, lang)}" for part in value)
    return words_of(lang).get("bounds", {}).get(value, value) if isinstance(value, str) else value
