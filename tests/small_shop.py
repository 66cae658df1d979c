"""A small shop on disk, as its owner has it: members, orders and consents in CSV files, and definitions beside them."""

from __future__ import annotations

import atexit
import csv
import shutil
import tempfile
from functools import cache
from pathlib import Path

from limner.app.workspace import Workspace

FILES = {
    "limner.toml": '[workspace]\nname = "小店"\nzone = "Asia/Shanghai"\ncurrency = "CNY"\nlocale = "en"\n',
    "sources/members.yaml": """
name: 会员
files: [data/members.csv]
identifiers: {member_no: 会员号, phone: 手机号, email: 邮箱}
traits:
  city: {column: 城市, type: place}
  full_name: 姓名
traits_at: 入会日期
""",
    "sources/orders.yaml": """
name: 订单
files: [data/orders.csv]
identifiers: {member_no: 会员号}
events:
  - {name: {constant: Order Completed}, happened_at: 时间, order_id: 订单号, amount: 实付}
""",
    "sources/consents.yaml": """
files: [data/consents.csv]
identifiers: {member_no: 会员号}
consents:
  - {channel: {constant: mail}, granted: {constant: '1'}, happened_at: 时间}
""",
    "properties/all.yaml": "- {id: full_name, type: text, name: 姓名, is_personal: true}\n",
    "audiences/buyers.yaml": "name: 买过的人\nrule: orders >= 1\n",
    "channels/mail.yaml": """
kind: smtp
address: email
price: 0.01
backoff: 1s
options: {host: 127.0.0.1, port: 2, sender: shop@example.com, tls: none}
""",
    "offers/hello.yaml": """
name: 问候
content: {mail: {subject: 您好, text: "{{ city }} 的朋友，秋天的新款到了。"}}
""",
    "campaigns/autumn.yaml": """
name: 秋天
audience: buyers
offers: [hello]
channels: [mail]
period: {earliest: "2026-01-01T00:00", latest: "2099-01-01T00:00"}
experiment: {holdout: 0.2}
""",
    "policies/default.yaml": "quiet_start: '00:00'\nquiet_end: '00:00'\n",
}


def write_shop(folder: Path, customers: int = 40, **files: str) -> Path:
    """Write the shop's files; `files` adds to or replaces them (path with __ for /, without its .yaml)."""
    more = {f"{name.replace('__', '/')}.yaml": text for name, text in files.items()}
    for name, text in {**FILES, **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_facts(folder, customers)
    return folder


def write_facts(folder: Path, customers: int) -> None:
    """Members M0 …, each with one order per started ten; consents by mail for all."""
    cities = ("上海", "杭州", "成都")
    numbers = range(customers)
    _csv(
        folder / "data" / "members.csv",
        ["会员号", "手机号", "邮箱", "城市", "姓名", "入会日期"],
        [[f"M{n}", f"138{n:08d}", f"m{n}@example.com", cities[n % 3], f"王{n}", "2025-01-05"] for n in numbers],
    )
    _csv(
        folder / "data" / "orders.csv",
        ["订单号", "会员号", "时间", "实付"],
        [
            [f"O{n}-{k}", f"M{n}", f"2026-0{1 + k % 8}-1{n % 10} 1{n % 10}:00:00", f"{100 + n}.50"]
            for n in numbers
            for k in range(1 + n // 10)
        ],
    )
    _csv(folder / "data" / "consents.csv", ["会员号", "时间"], [[f"M{n}", "2025-01-05"] for n in numbers])


def _csv(path: Path, heads: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([heads, *rows])


def built_shop(folder: Path, customers: int = 40) -> Path:
    """The shop applied, collected and built as of 2026-09-01; built once, then copied."""
    return Path(shutil.copytree(_built(customers), folder))


@cache
def _built(customers: int) -> Path:
    home = tempfile.mkdtemp(prefix="small-shop-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = write_shop(Path(home) / "shop", customers)
    with Workspace(folder) as shop:
        shop.apply()
        shop.collect()
        shop.run("2026-09-01")
    return folder
