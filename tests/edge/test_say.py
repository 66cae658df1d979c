"""Errors in the operator's language: sentences, the errors they list, and bounds that are said in words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import limner
from limner.core.errors import BadDefinition, words
from limner.edge.say import say_error, words_of

SOURCE = Path(limner.__file__).parent
SAID = ("bound", "what")
TWO = words("example_two", "{place}: {value} is not {bound}.")
SEVERAL = words("example_several", "Several: {mistakes}")


def _phrases() -> set[str]:
    """The words that errors are given for their bounds, as they stand in the code."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        given = (keyword for call in calls for keyword in call.keywords if keyword.arg in SAID)
        found |= {k.value.value for k in given if isinstance(k.value, ast.Constant) and isinstance(k.value.value, str)}
    return {text for text in found if any(letter.isalpha() for letter in text) and not text.startswith("tag ")}


@pytest.mark.parametrize("phrase", sorted(_phrases()))
def test_a_bound_is_said_in_chinese(phrase: str) -> None:
    assert phrase in words_of("zh")["bounds"], f"edge/words/zh.toml lacks {phrase!r} under [bounds]"


def test_bounds_are_said_inside_the_errors_a_message_lists_and_places_stay() -> None:
    inner = BadDefinition(TWO, place="tags/a", value=7, bound="a number")
    outer = BadDefinition(SEVERAL, mistakes=(inner,)).at("models/m")
    assert say_error(inner, "zh") == "tags/a: 7 is not 一个数."
    assert say_error(outer, "zh") == "models/m: Several: - tags/a: 7 is not 一个数."
    assert say_error(outer, "en") == "models/m: Several: - tags/a: 7 is not a number."
