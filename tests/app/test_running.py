"""What a run builds anew: what changed, and all that stands on it."""

from limner.app.workspace import Workspace
from small_shop import built_shop


def test_a_tag_is_built_anew_when_one_it_stands_on_has_changed(tmp_path):
    with Workspace(built_shop(tmp_path / "shop")) as shop:
        tags = shop.folder / "tags"
        tags.mkdir()
        (tags / "bought.yaml").write_text("sql: count(*)\n", encoding="utf-8")
        (tags / "often.yaml").write_text("kind: rule\ntype: bool\nrule: bought >= 2\n", encoding="utf-8")
        (tags / "oftener.yaml").write_text("kind: rule\ntype: bool\nrule: often\n", encoding="utf-8")
        shop.apply()
        shop.run("2026-09-01")
        assert shop.audience("oftener == true").count().count == 30
        (tags / "bought.yaml").write_text("sql: count(*) * 0\n", encoding="utf-8")
        shop.apply()
        shop.run("2026-09-01")
        assert shop.audience("oftener == true").count().count == 0
