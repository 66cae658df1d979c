"""Small made-up files of four industries, as their systems export them: a sample to try a pack on.

The same seed and end write the same bytes. Nobody in them lives.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

END: Final = date(2026, 9, 1)
"""Nothing happens on this local day or after it, unless another is asked for."""
CITIES: Final = ("上海", "北京", "广州", "成都", "杭州", "武汉")

Row = Sequence[object]


def sample(industry: str, folder: Path, *, seed: int = 7, end: date = END) -> tuple[Path, ...]:
    """Write the files of an industry (retail, bank, telecom, brand) into a folder; the files written.

    Everything in them happened before the local day `end`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = Chance(seed, end)
    tables = MAKERS[industry](chance)
    people, desk = tables[0], DESKS[industry]
    asked = _consents(chance, people, (desk, "短信", "企业微信"))
    return tuple(_write(folder / f"{name}.csv", header, rows) for name, header, rows in (*tables, asked))


class Chance(random.Random):
    """Chance from a seed, and days before the end of a sample."""

    def __init__(self, seed: int, end: date) -> None:
        super().__init__(seed)
        self.end = datetime.combine(end, time())  # the files of a shop say local times

    def day(self, days: int) -> date:
        """The day so many days before the end."""
        return (self.end - timedelta(days=days)).date()

    def moment(self, days: float) -> datetime:
        """A minute about so many days before the end, in waking hours."""
        day = self.end - timedelta(days=int(days) + 1)
        return day.replace(hour=self.choice((8, 9, 11, 12, 15, 18, 20, 21, 22, 23)), minute=self.randrange(60))

    def born(self) -> date:
        """A birthday of a grown-up."""
        return date(self.randint(1958, 2006), self.randint(1, 12), self.randint(1, 28))


def _write(path: Path, header: str, rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split())
        writer.writerows(rows)
    return path


Table = tuple[str, str, list[Row]]


# ------------------------------------------------------------------------------------------------ shops

GROCERY: Final = MappingProxyType(
    {
        "生鲜/水果": (12, 39),
        "生鲜/蔬菜": (4, 15),
        "食品/零食": (8, 49),
        "食品/粮油": (30, 129),
        "日用/清洁": (15, 69),
        "母婴/奶粉": (168, 398),
    }
)
BEAUTY: Final = MappingProxyType(
    {
        "护肤/面霜": (198, 680),
        "护肤/精华": (298, 980),
        "彩妆/口红": (129, 320),
        "彩妆/粉底": (189, 420),
        "香水/淡香": (299, 899),
        "礼盒/套装": (399, 1299),
    }
)


def _retail(rng: Chance) -> list[Table]:
    return _shop(rng, GROCERY, ("门店", "小程序", "到家"), ("徐汇店", "天河店", "春熙店", "西湖店"))


def _brand(rng: Chance) -> list[Table]:
    tables = _shop(rng, BEAUTY, ("天猫", "京东", "微商城", "专柜"), ("上海专柜", "北京专柜", "成都专柜"))
    members = [row[0] for row in tables[0][2]]
    answers: list[Row] = []
    for number, member in enumerate(members):
        for days in range(12, 200, 30):
            at, key = rng.moment(days), f"X{number}-{days}"
            answers.append((f"{key}-d", member, at, "消息到达", "新品"))
            if rng.random() < 0.4:
                answers.append((f"{key}-o", member, at + timedelta(minutes=9), "消息打开", "新品"))
            if rng.random() < 0.15:
                answers.append((f"{key}-c", member, at + timedelta(minutes=11), "消息点击", "新品"))
    return [*tables, ("responses", "编号 会员号 时间 结果 活动", answers)]


def _shop(rng: Chance, shelf: Mapping[str, tuple[int, int]], ways: Sequence[str], stores: Sequence[str]) -> list[Table]:
    items: list[tuple[str, str, str, int, float]] = []
    for category, (low, high) in shelf.items():
        for _ in range(6):
            price = rng.randint(low, high)
            items.append((f"S{len(items):03}", f"{category.split('/')[1]}{len(items)}号", category, price, price * 0.5))
    members: list[Row] = []
    lines: list[Row] = []
    acts: list[Row] = []
    for number in range(260):
        member, zeal, thrift = f"M{number:04}", rng.random(), rng.random()
        since = rng.randint(60, 900)
        level = rng.choice(("普通", "银卡", "金卡"))
        members.append((member, rng.choice("女女男"), rng.born(), rng.choice(CITIES), level, rng.day(since)))
        times = 0 if zeal < 0.25 else round(1 + zeal * zeal * 14)
        silent = rng.choice((0, 0, 0, 120, 250)) if zeal < 0.6 else 0
        for turn in range(times):
            at = rng.moment(silent + rng.random() * max(1, min(since, 420) - silent))
            way, store = rng.choice(ways), stores[number % len(stores)]
            coupon = f"Q{rng.randint(1, 5)}" if rng.random() < thrift else ""
            for item, _, _, price, _ in rng.sample(items, rng.randint(1, 3)):
                paid = round(price * (rng.choice((0.7, 0.8, 0.9)) if coupon else 1), 2)
                lines.append((f"D{number}-{turn}", member, at, item, 1, price, paid, coupon, store, way))
        for _ in range(rng.randint(2, 9)):
            act = rng.choices(("浏览商品", "收藏商品", "加入购物车", "搜索商品"), (6, 2, 2, 2))[0]
            acts.append((member, rng.moment(rng.random() * 75), act, rng.choice(items)[0]))
    return [
        ("members", "会员号 性别 生日 城市 等级 入会日期", members),
        ("items", "货号 品名 类目 吊牌价 成本", [tuple(item) for item in items]),
        ("orders", "小票号 会员号 时间 货号 数量 吊牌价 实收 优惠券 门店 渠道", lines),
        ("acts", "会员号 时间 行为 货号", acts),
    ]


# ------------------------------------------------------------------------------------------------ bank and telecom


def _bank(rng: Chance) -> list[Table]:
    customers: list[Row] = []
    held: list[Row] = []
    posted: list[Row] = []
    balances: list[Row] = []
    for number in range(260):
        customer, wealth = f"K{number:05}", rng.lognormvariate(10.5, 1.1)
        is_paid, leaves = rng.random() < 0.5, rng.random() < 0.2
        since = rng.randint(200, 2500)
        risk = rng.choice(("保守", "稳健", "平衡", "进取"))
        customers.append((customer, rng.choice("女男"), rng.born(), rng.choice(CITIES), risk, rng.day(since)))
        kinds = [("存款", 1.0, 0.6), ("理财", 0.35, 0.9), ("基金", 0.25, 0.4), ("信用卡", 0.5, 0.3), ("贷款", 0.2, 2.0)]
        for kind, chance, share in kinds:
            if rng.random() < chance:
                begun = rng.randint(30, since)
                done = rng.day(rng.randint(0, 29)) if kind == "理财" and rng.random() < 0.3 else ""
                held.append(
                    (customer, kind, f"{kind}{rng.randint(1, 3)}号", rng.day(begun), done, round(wealth * share, 2))
                )
        for month in range(6):
            left = wealth * (0.4 if leaves and month == 0 else 1) * rng.uniform(0.9, 1.1)
            balances.append((f"B{number}-{month}", customer, rng.moment(1 + month * 30), round(left, 2)))
            if is_paid:
                pay = (customer, rng.moment(14 + month * 30), "代发工资", "柜面", round(rng.uniform(5e3, 2e4), 2))
                posted.append((f"P{number}-{month}", *pay))
        for turn in range(rng.randint(0, 12)):
            kind = rng.choices(("信用卡消费", "转出", "缴费", "取现"), (6, 3, 2, 1))[0]
            way, amount = rng.choice(("手机银行", "网点", "ATM")), round(rng.lognormvariate(5.5, 1), 2)
            posted.append((f"T{number}-{turn}", customer, rng.moment(rng.random() * 200), kind, way, amount))
    return [
        ("customers", "客户号 性别 生日 城市 风险等级 开户日期", customers),
        ("holdings", "客户号 产品类型 产品 开始日期 结束日期 金额", held),
        ("transactions", "流水号 客户号 时间 交易类型 渠道 金额", posted),
        ("balances", "流水号 客户号 时间 资产余额", balances),
    ]


def _telecom(rng: Chance) -> list[Table]:
    customers: list[Row] = []
    held: list[Row] = []
    bills: list[Row] = []
    used: list[Row] = []
    for number in range(260):
        customer, hunger, plan = f"U{number:05}", rng.lognormvariate(1.5, 0.7), rng.choice((39, 59, 99, 159))
        since = rng.randint(100, 3000)
        customers.append((customer, rng.choice("女男"), rng.born(), rng.choice(CITIES), rng.day(since)))
        begun = rng.randint(20, min(since, 700))
        held.append((customer, "合约", f"{plan}元套餐", rng.day(begun), rng.day(begun - 730), plan))
        held.append((customer, "终端", rng.choice(("华为", "小米", "苹果")), rng.day(rng.randint(20, since)), "", 2999))
        if rng.random() < 0.3:
            held.append((customer, "宽带", "300M", rng.day(rng.randint(20, since)), "", 30))
        for month in range(4):
            at, over = rng.moment(1 + month * 30), max(0.0, hunger * 5 * rng.uniform(0.5, 1.5) - plan / 3)
            bills.append((f"Z{number}-{month}", customer, at, "出账", "账单", round(plan + over, 2), plan, ""))
            for app, share in (("视频", 0.5), ("社交", 0.3), ("游戏", 0.2)):
                gigabytes = round(hunger * share * rng.uniform(0.4, 1.8), 3)
                used.append(
                    (f"L{number}-{month}{app}", customer, rng.moment(2 + month * 30), "上网", app, "", "", gigabytes)
                )
        if rng.random() < 0.25:
            kind = rng.choice(("投诉", "咨询"))
            used.append((f"C{number}", customer, rng.moment(rng.random() * 90), "联系客服", kind, "", "", ""))
    return [
        ("customers", "客户号 性别 生日 城市 入网日期", customers),
        ("holdings", "客户号 类型 内容 开始日期 结束日期 金额", held),
        ("events", "流水号 客户号 时间 事件 类别 金额 套餐费 用量", bills + used),
    ]


# ------------------------------------------------------------------------------------------------ what people allow

ASKED: Final = MappingProxyType({0: 0.9, 1: 0.8, 2: 0.6})
"""The share of customers who were asked, by the turn of the channel: the desk, then text messages, then chat."""


def _consents(rng: Chance, people: Table, channels: Sequence[str]) -> Table:
    """What everybody allowed on each channel, and when they changed their mind; some were never asked.

    Of those who are asked one in eight refuses; of those who agree one in twelve takes it back later, and of those who
    refuse one in ten agrees later.
    """
    _, header, rows = people
    stated: list[Row] = []
    for who, *_, since in rows:
        joined = datetime.combine(date.fromisoformat(str(since)), time(10))
        for turn, channel in enumerate(channels):
            if rng.random() >= ASKED[turn]:
                continue
            agrees, paper = rng.random() >= 0.125, f"{channel}授权书{rng.randint(10000, 99999)}"
            stated.append((who, channel, "营销", "同意" if agrees else "拒绝", joined, paper))
            if rng.random() < (1 / 12 if agrees else 1 / 10):
                later = joined + (rng.end - joined) * rng.random()
                proof = "退订回复T" if agrees else "会员中心设置"
                stated.append((who, channel, "营销", "拒绝" if agrees else "同意", later.replace(microsecond=0), proof))
    return "consents", f"{header.split()[0]} 渠道 用途 状态 时间 凭证", stated


MAKERS: Final[Mapping[str, Callable[[Chance], list[Table]]]] = MappingProxyType(
    {"retail": _retail, "bank": _bank, "telecom": _telecom, "brand": _brand}
)
"""Industry → what makes its files: the name of each, its header, its rows."""
DESKS: Final = MappingProxyType({"retail": "导购", "bank": "客户经理", "telecom": "外呼", "brand": "导购"})
"""Industry → who works through the list of a campaign, as the customers were asked for."""
