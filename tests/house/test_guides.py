"""The Python of the guides and of the README runs: all blocks of a page in order, in one namespace."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from house.source import ROOT
from limner.core.registry import Registry

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))] if page.exists()]


@pytest.fixture
def _kinds_as_they_were() -> Iterator[None]:
    """A guide shows how a kind is added; other tests shall not find it."""
    registries = [thing for thing in gc.get_objects() if type(thing) is Registry]
    before = [dict(registry._found) for registry in registries]
    yield
    for registry, found in zip(registries, before, strict=True):
        for name in set(registry._found) - set(found):
            if getattr(registry._found[name], "__module__", "") == "guide":
                del registry._found[name]


@pytest.mark.usefixtures("_kinds_as_they_were")
@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_guide_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # a dataclass looks its module up
    namespace = vars(module)
    namespace["__name__"] = "guide"
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        exec(compile("\n" * line + found[1], str(page), "exec"), namespace)
