"""`taxonomy show` and `taxonomy read` in a workspace."""

from __future__ import annotations

import pytest

import limner
from limner.app.opening import make
from limner.core.errors import Clash


@pytest.fixture
def shop(tmp_path):
    make(tmp_path / "shop")
    with limner.open(tmp_path / "shop") as found:
        yield found


def test_a_file_in_gb18030_becomes_a_definition_that_apply_takes(shop):
    file = shop.folder / "tree.csv"
    file.write_bytes("一级,二级,三级\n教育,书法,硬笔书法\n,,软笔书法\n".encode("gb18030"))
    read = shop.taxonomy.read(file)
    assert read.levels == (1, 1, 2)
    assert "硬笔书法" in read.written.read_text(encoding="utf-8")
    assert shop.apply().added == ("taxonomies/tree",)
    shown = shop.taxonomy.show("tree", under="书法")
    assert next((node.path, node.below) for node in shown.nodes) == ("教育/书法", 2)
    with pytest.raises(Clash, match="stands there already"):
        shop.taxonomy.read(file)


def test_the_default_taxonomy_is_there_from_the_start(shop):
    shown = shop.taxonomy.show()
    assert shown.levels == (18, 124, 256, 313)
    assert len(shown.nodes) == 18
    assert shop.taxonomy.show(under="Flights").nodes[0].path == "旅游/机票"
    with pytest.raises(LookupError, match="Did you mean '机票'"):
        shop.taxonomy.show(under="飞机票")
