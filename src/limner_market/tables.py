"""The world as the shop sees it: one Arrow table per kind of file, with the headers the shop's systems print.

Money columns are decimals in yuan with two digits, instants are timestamps with zone Asia/Shanghai, ids are text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from limner_market.baskets import NO_CODE, Lines
from limner_market.chance import Ints, generator, uniform
from limner_market.clicks import EVENTS, Clicks
from limner_market.consents import CHANNELS, PROOFS, Consents
from limner_market.days import DAY, stamps
from limner_market.identifiers import Spoil, listed_phones, padded, renumber
from limner_market.places import read_shops
from limner_market.words import made_up_names
from limner_market.world import World

_UNBOUND = 0.02  # share of members' market-place orders of the first year that came before the account was bound
_BY_PHONE = 0.30  # share of tickets at the counter that carry the phone instead of the member number
_LEVELS = ("普卡", "银卡", "金卡", "黑卡")


def money(fen: Ints) -> pa.Array:
    """Whole fen as decimal yuan.

    >>> money(np.array([1999])).to_pylist()
    [Decimal('19.99')]
    """
    whole = pa.array(fen, pa.int64()).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(14, 2), len(whole), whole.buffers(), offset=whole.offset)


def chosen(
    words: tuple[str, ...] | pa.Array, place: NDArray[np.generic], missing: NDArray[np.bool_] | None = None
) -> pa.Array:
    """`words` at the given places; null where `missing`."""
    source = words if isinstance(words, pa.Array | pa.ChunkedArray) else pa.array(words)
    return source.take(pa.array(np.where(missing, 0, place) if missing is not None else place, mask=missing))


def members_table(world: World) -> pa.Table:
    """The member list, one row per member in the order of joining."""
    people, named = world.people, world.identifiers
    rng = generator(world.seed, "members")
    total = people.members
    shops, home = read_shops(), people.shop[: people.members]
    born = np.datetime64("1958-01-01") + rng.integers(0, 17_500, total)
    number = named.member_no
    women = rng.random(total)
    columns: dict[str, Any] = {
        "会员号": number,
        "姓名": made_up_names(rng, total),
        "手机号": listed_phones(named, home.astype(np.int64)),
        "邮箱": _blank(
            pc.binary_join_element_wise(pc.utf8_lower(number), "@mail.example.com", ""), rng.random(total) < 0.55
        ),
        "性别": chosen(("女", "男", ""), (women > 0.90).astype(np.int64) + (women > 0.95)),
        "生日": pa.array(born, mask=rng.random(total) < 0.25).cast(pa.date32()),
        "城市": chosen(shops.city, home),
        "门店编码": chosen(shops.code, home),
        "门店": chosen(shops.name, home),
        "会员等级": chosen(_LEVELS, np.minimum(rng.integers(0, 8, total) // 2, 3)),
        "入会时间": stamps(world.purchases.joined * DAY + rng.integers(32_400, 43_200, total)),
        "微信unionid": _blank(named.unionid[:total], ~named.unionid_listed[:total]),
        "小程序openid": _blank(named.openid[:total], ~named.openid_listed[:total]),
    }
    return pa.table(columns).take(pa.array(np.argsort(world.purchases.joined, kind="stable")))


def mini_users_table(world: World) -> pa.Table:
    """Accounts of the mini-program, members and visitors: openid, and unionid and mobile where they gave them."""
    people, named = world.people, world.identifiers
    who = np.flatnonzero(people.has_mini)
    rng = generator(world.seed, "mini-users")
    joined = np.append(world.purchases.joined, world.first_day)[np.minimum(who, people.members)]
    start = np.maximum(joined, world.first_day) * DAY + 30_000
    member = np.minimum(who, people.members - 1)
    return pa.table(
        {
            "openid": named.openid.take(pa.array(who)),
            "unionid": chosen(named.unionid, who, ~named.unionid_seen[who]),
            "mobile": pa.array(named.phone[member], mask=~named.mobile_seen[who]).cast(pa.string()),
            "created_at": stamps(start + rng.integers(0, 3_600, len(who))),
        }
    )


def items_table(world: World) -> pa.Table:
    """The item list."""
    items = world.items
    return pa.table(
        {
            "货号": pa.array(items.code),
            "品名": pa.array(items.title),
            "类目": chosen(items.paths, items.category),
            "吊牌价": money(items.list_fen),
            "成本": money(items.cost_fen),
            "上架日期": pa.array(items.on_sale.astype(np.int32)).cast(pa.date32()),
        }
    )


def sites_table() -> pa.Table:
    """The shops."""
    shops = read_shops()
    columns: dict[str, Any] = {
        "门店编码": shops.code,
        "门店": shops.name,
        "城市": shops.city,
        "组织": shops.org,
        "经度": shops.longitude,
        "纬度": shops.latitude,
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def consents_table(world: World, consents: Consents) -> pa.Table:
    """Statements of members; 可用次数 is empty for a lasting consent and 1 for an authorisation of one message."""
    return pa.table(
        {
            "会员号": chosen(world.identifiers.member_no, consents.person),
            "渠道": chosen(CHANNELS, consents.channel),
            "用途": chosen(("marketing",), np.zeros(len(consents), dtype=np.int64)),
            "状态": chosen(("refused", "granted"), consents.granted.astype(np.int64)),
            "时间": stamps(consents.second),
            "可用次数": pa.array(consents.uses, mask=consents.uses == 0),
            "凭证": chosen(PROOFS, consents.proof),
        }
    )


def clicks_table(world: World, clicks: Clicks) -> pa.Table:
    """Acts in the mini-program."""
    return pa.table(
        {
            "openid": chosen(world.identifiers.openid, clicks.person),
            "event": chosen(EVENTS, clicks.event),
            "item": chosen(world.items.code, clicks.item, clicks.item < 0),
            "time": stamps(clicks.second),
            "session": pc.binary_join_element_wise("v", pa.array(clicks.visit).cast(pa.string()), ""),
        }
    )


def tmall_table(world: World, lines: Lines, codes: pa.Array, exported: int) -> pa.Table:
    """Market-place orders, one row per line. 退款金额 shows only refunds completed before the export (market
    second)."""
    who, day = lines.person, lines.second // DAY
    members = world.people.members
    early = (day < world.first_day + 365) & (uniform(world.seed, "tmall/bound", who, day) < _UNBOUND)
    back = (lines.back >= 0) & (lines.back < exported)
    order = pa.array(lines.order).cast(pa.string())
    return pa.table(
        {
            "订单编号": order,
            "子订单编号": pc.binary_join_element_wise(order, padded(lines.line, 2), ""),
            "买家昵称": pc.binary_join_element_wise("tb", padded(renumber(who, world.seed + 5), 8), ""),
            "会员号": _text(chosen(world.identifiers.member_no, who, (who >= members) | early)),
            "收货人手机": _masked(world, who),
            "宝贝标题": chosen(world.items.title, lines.item),
            "商家编码": chosen(world.items.code, lines.item),
            "购买数量": pa.array(lines.quantity),
            "宝贝单价": money(lines.list_fen // lines.quantity),
            "店铺优惠": money(lines.list_fen - lines.goods_fen),
            "应付金额": money(lines.goods_fen),
            "优惠券": _text(chosen(codes, lines.code, lines.code == NO_CODE)),
            "券抵扣": money(lines.coupon_fen),
            "实付金额": money(lines.paid_fen),
            "退款金额": money(np.where(back, lines.paid_fen, 0)),
            "订单状态": chosen(("交易成功", "退款成功"), back.astype(np.int64)),
            "订单创建时间": stamps(lines.second),
            "付款时间": stamps(lines.second + 20 + lines.order % 240),
        }
    )


def refunds_table(world: World, lines: Lines) -> pa.Table:
    """Refunds of market-place lines, by the second the money went back."""
    place = np.lexsort((lines.line, lines.order, lines.back))
    lines = lines.rows(place)
    order = pa.array(lines.order).cast(pa.string())
    return pa.table(
        {
            "退款编号": pc.binary_join_element_wise("R", order, padded(lines.line, 2), ""),
            "订单编号": order,
            "子订单编号": pc.binary_join_element_wise(order, padded(lines.line, 2), ""),
            "会员号": _text(chosen(world.identifiers.member_no, lines.person, lines.person >= world.people.members)),
            "商家编码": chosen(world.items.code, lines.item),
            "退款金额": money(lines.paid_fen),
            "退款完成时间": stamps(lines.back),
        }
    )


def pos_table(world: World, sold: Lines, returned: Lines, codes: pa.Array) -> pa.Table:
    """Tickets at the counter by time: sales, and returns as rows with a negative quantity and a ticket number of
    their own."""
    parts = [_tickets(world, sold, codes, back=False), _tickets(world, returned, codes, back=True)]
    whole = pa.concat_tables(parts)
    when = np.concatenate([sold.second, returned.back])
    return whole.take(pa.array(np.argsort(when, kind="stable")))


def _tickets(world: World, lines: Lines, codes: pa.Array, *, back: bool) -> pa.Table:
    who, day = lines.person, lines.second // DAY
    shops, shop = read_shops(), world.people.shop[lines.person]
    spoil = world.identifiers.spoil[np.minimum(who, world.people.members - 1)]
    by_phone = (spoil <= Spoil.DASHED) & (uniform(world.seed, "pos/phone", who, day) < _BY_PHONE)
    sign = -1 if back else 1
    number = pc.binary_join_element_wise(
        chosen(shops.code, shop), padded(day, 5), padded(renumber(who, world.seed + 17), 8), "-"
    )
    plain = pa.nulls(len(lines), pa.string()).fill_null("")
    return pa.table(
        {
            "小票号": pc.binary_join_element_wise(number, padded(lines.line, 2), "-T") if back else number,
            "原小票号": number if back else plain,
            "门店编码": chosen(shops.code, shop),
            "门店": chosen(shops.name, shop),
            "会员号": _blank(chosen(world.identifiers.member_no, who), by_phone),
            "手机号": _blank(pa.array(world.identifiers.phone[who]).cast(pa.string()), ~by_phone),
            "货号": chosen(world.items.code, lines.item),
            "数量": pa.array(lines.quantity * sign),
            "吊牌价": money(lines.list_fen // np.maximum(lines.quantity, 1)),
            "优惠券": plain if back else _text(chosen(codes, lines.code, lines.code == NO_CODE)),
            "券抵扣": money(lines.coupon_fen * (0 if back else 1)),
            "实收": money(lines.paid_fen * sign),
            "销售时间": stamps(lines.back if back else lines.second),
        }
    )


def _blank(text: pa.Array, hidden: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(hidden), "", text)


def _text(text: pa.Array) -> pa.Array:
    return text.fill_null("")


def _masked(world: World, who: Ints) -> pa.Array:
    phone = np.where(
        who < world.people.members,
        world.identifiers.phone[np.minimum(who, world.people.members - 1)],
        15_000_000_000 + renumber(who, 41),
    )
    head, tail = pa.array(phone // 100_000_000).cast(pa.string()), padded(phone % 10_000, 4)
    return pc.binary_join_element_wise(head, tail, "****")
