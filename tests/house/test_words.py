"""Every error has its Chinese sentence with the same parameters, and nothing is said that nobody raises."""

from __future__ import annotations

import importlib
import tomllib

import pytest

from house.source import SOURCE, modules
from limner.core.errors import SENTENCES, fields

CHINESE = SOURCE / "limner" / "edge" / "words" / "zh.toml"


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    if not CHINESE.exists():
        pytest.skip("no Chinese words yet")
    for module in modules():
        if module.name.rsplit(".", 1)[-1] not in {"__main__", "env"} and ".migrations" not in module.name:
            importlib.import_module(module.name)
    return dict(tomllib.loads(CHINESE.read_text(encoding="utf-8"))["errors"])


def ours() -> dict[str, str]:
    return {code: text for code, text in SENTENCES.items() if not code.startswith("example_")}


def test_every_error_is_said_in_chinese(chinese: dict[str, str]) -> None:
    assert sorted(set(ours()) - set(chinese)) == []


def test_no_sentence_is_left_over(chinese: dict[str, str]) -> None:
    assert sorted(set(chinese) - set(ours())) == []


def test_both_languages_use_the_same_parameters(chinese: dict[str, str]) -> None:
    pairs = {code: (fields(text), fields(chinese[code])) for code, text in ours().items() if code in chinese}
    assert {code: pair for code, pair in pairs.items() if pair[0] != pair[1]} == {}
