"""A column that no file has is found when definitions are applied, where files are there already."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from small_shop import built_shop

CLICKS = """
files: [clicks]
identifiers: {{member_no: 会员号}}
events: [{{name: {{constant: Product Viewed}}, happened_at: {when}, properties: {{campaign: dt}}}}]
"""


@pytest.fixture
def shop(tmp_path):
    with Workspace(built_shop(tmp_path / "shop")) as found:
        yield found


def clicks(shop, when="浏览时间", columns=("会员号", "浏览时间"), day="2026-08-30"):
    path = shop.folder / f"clicks/dt={day}/part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: ["1"] for name in columns}), path)
    (shop.folder / "sources/clicks.yaml").write_text(CLICKS.format(when=when), encoding="utf-8")


def test_a_misspelt_column_is_named_with_the_one_meant(shop):
    clicks(shop, when="浏览时问")
    with pytest.raises(BadDefinition, match="no column '浏览时问'.*Did you mean '浏览时间'"):
        shop.apply()


def test_columns_that_folders_name_are_known(shop):
    clicks(shop)
    assert shop.apply().added == ("sources/clicks",)


def test_one_file_that_fits_is_enough(shop):
    clicks(shop, columns=("会员号", "日期"), day="2026-08-31")
    clicks(shop)
    assert shop.apply().added == ("sources/clicks",)


def test_a_file_that_cannot_be_read_is_left_to_the_collect(shop):
    clicks(shop, when="浏览时问")
    (shop.folder / "clicks/dt=2026-08-30/part-0.parquet").write_bytes(b"PAR1 no more")
    assert shop.apply().added == ("sources/clicks",)


def test_without_files_there_is_nothing_to_hold_against(shop):
    (shop.folder / "sources/clicks.yaml").write_text(CLICKS.format(when="浏览时问"), encoding="utf-8")
    assert shop.apply().added == ("sources/clicks",)
