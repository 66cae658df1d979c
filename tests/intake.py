"""Helpers of the tests of sources: a shop in a folder, files to load, and the lake to ask."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlglot
import yaml

from limner.app.opening import open_stores, settings_of
from limner.core.actor import OWNER
from limner.core.definition import read
from limner.flow.sources import collect
from limner.flow.sources.definition import Source
from limner.store.definitions import Definitions
from shop import open_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)


class Intake:
    """A workspace, its sources as YAML text, and short ways to load and to look."""

    def __init__(self, folder, *sources, stream=""):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        home = folder / "shop"
        is_there = (home / "limner.toml").exists()
        self.stores = open_stores(home, settings_of(home, {})) if is_there else open_shop(home, stream)
        self.definitions = Definitions({"sources": {}}, {})
        self.say(*sources)

    def say(self, *sources):
        """Take sources into force."""
        found = dict(self.definitions.of(Source))
        for text in sources:
            source = read(Source, yaml.safe_load(text), "sources/test.yaml")
            found[source.id] = source
        self.definitions = Definitions({"sources": found}, {})

    def put(self, name, content, encoding="utf-8"):
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def load(self, *files, source=None, now=NOW, tell=lambda done, total, words: None):
        """Collect."""
        sources = [source] if source else []
        return collect(
            self.stores,
            self.definitions,
            sources=sources,
            files=files,
            folder=self.folder,
            who=OWNER,
            now=now,
            tell=tell,
        )

    def ask(self, sql):
        """Rows of the lake."""
        return self.stores.lake.table(sqlglot.parse_one(sql, dialect="duckdb")).to_pylist()

    def one(self, sql):
        """The only value of an answer."""
        (row,) = self.ask(sql)
        (value,) = row.values()
        return value


ORDERS = """
id: orders
files: [orders*]
identifiers: {phone: 手机号, member_no: 会员号}
cancelled: {状态: 已关闭}
events:
  - name: {constant: Order Completed}
    matching: {状态: 已付款}
    happened_at: 时间
    order_id: 订单号
    amount: 实付
"""
HEAD = "订单号,手机号,会员号,实付,状态,时间\n"
