"""The names people go by: member number, phone, unionid, openid; and the ways the shop's member list spoils a phone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from limner_market.chance import Ints, Words64, generator, keyed
from limner_market.people import People

_PRIME = 99_999_989  # below 10^8: multiplying by a constant modulo a prime renumbers people without a clash
_PREFIXES = np.array(
    [130, 131, 132, 135, 136, 137, 138, 139, 150, 151, 152, 157, 158, 159, 176, 177, 180, 182, 186, 187, 188, 189]
)
PLACEHOLDER = "13800138000"
SHOP_PHONES = 6


class Spoil(IntEnum):
    """What the member list did to a phone; the first five still carry the number, the rest have lost it."""

    CLEAN = 0
    FULL_WIDTH = 1
    PREFIXED = 2
    DASHED = 3
    HOUSEHOLD = 4
    EXCEL = 5
    PLACEHOLDER = 6
    EMPTY = 7
    SHOP_PHONE = 8


_SHARES = {
    Spoil.FULL_WIDTH: 0.010,
    Spoil.PREFIXED: 0.030,
    Spoil.DASHED: 0.010,
    Spoil.HOUSEHOLD: 0.004,
    Spoil.EXCEL: 0.015,
    Spoil.PLACEHOLDER: 0.006,
    Spoil.EMPTY: 0.018,
    Spoil.SHOP_PHONE: 0.006,
}


def renumber(person: Ints, salt: int) -> Ints:
    """A number below 10^8 for each person, without a clash and without showing the order they were made in."""
    return (person * (48_271_919 + 2 * (salt % 10_007)) + 7_654_321 * (salt + 5)) % _PRIME


def hexes(words: Words64) -> pa.Array:
    """64-bit words as 16 hexadecimal digits."""
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    raw = words.astype(">u8").view(np.uint8).reshape(-1, 8)
    pairs = np.stack([digits[raw >> 4], digits[raw & 15]], axis=-1).reshape(len(words), 16)
    flat = np.ascontiguousarray(pairs)
    offsets = np.arange(len(words) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(offsets.tobytes()), pa.py_buffer(flat.tobytes()))


def padded(numbers: Ints, width: int) -> pa.Array:
    """Whole numbers as text, filled with zeros on the left."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Row i belongs to person i. `phone` is the true number of members; the flags say where the shop has written what.

    `openid_listed`, `unionid_listed`: in the member list · `unionid_seen`, `mobile_seen`: with the mini-program user.
    """

    member_no: pa.Array
    phone: Ints
    unionid: pa.Array
    openid: pa.Array
    spoil: NDArray[np.int8]
    openid_listed: NDArray[np.bool_]
    unionid_listed: NDArray[np.bool_]
    unionid_seen: NDArray[np.bool_]
    mobile_seen: NDArray[np.bool_]


def make_identifiers(seed: int, people: People) -> Identifiers:
    """Identifiers of everybody. Every member with a mini-program account can be linked by at least one way that is
    not spoilt."""
    rng = generator(seed, "identifiers")
    total, members = len(people), people.members
    everyone = np.arange(total)
    spoil = _spoils(rng, members)
    prefix = _PREFIXES[rng.integers(0, len(_PREFIXES), members)]
    phone = prefix * 100_000_000 + renumber(everyone[:members], seed + 3)
    household = np.flatnonzero(spoil == Spoil.HOUSEHOLD)
    phone[household] = phone[(household + 1) % members]
    way = rng.random(total)
    kept = np.zeros(total, dtype=bool)
    kept[:members] = spoil <= Spoil.DASHED
    by_unionid = (way >= 0.70) & (way < 0.95)
    by_phone = (way >= 0.95) & kept
    member = everyone < members
    return Identifiers(
        member_no=pc.binary_join_element_wise("NZ", padded(renumber(everyone[:members], seed), 8), ""),
        phone=phone,
        unionid=pc.binary_join_element_wise("oU", hexes(keyed(seed, "unionid", everyone)), ""),
        openid=pc.binary_join_element_wise("oNz", hexes(keyed(seed, "openid", everyone)), ""),
        spoil=spoil.astype(np.int8),
        openid_listed=member & people.has_mini & ~by_unionid & ~by_phone,
        unionid_listed=member & (people.has_wecom | (people.has_mini & by_unionid)),
        unionid_seen=people.has_mini & (by_unionid | (rng.random(total) < np.where(member, 0.6, 0.2))),
        mobile_seen=member & people.has_mini & (by_phone | (rng.random(total) < 0.5)),
    )


def _spoils(rng: np.random.Generator, members: int) -> NDArray[np.int64]:
    luck = rng.random(members)
    spoil = np.zeros(members, dtype=np.int64)
    edge = 0.0
    for kind, share in _SHARES.items():
        spoil[(luck >= edge) & (luck < edge + share)] = int(kind)
        edge += share
    return spoil


def listed_phones(identifiers: Identifiers, shop: Ints) -> pa.Array:
    """Phones of all members as the member list shows them; empty text where it shows none."""
    plain = pa.array(identifiers.phone).cast(pa.string())
    spoil = identifiers.spoil
    hundredths = np.round(identifiers.phone / 1e8).astype(np.int64)
    excel = pc.binary_join_element_wise(
        pa.array(hundredths // 100).cast(pa.string()), ".", padded(hundredths % 100, 2), "E+10", ""
    )
    dashed = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(plain, 0, 3),
        pc.utf8_slice_codeunits(plain, 3, 7),
        pc.utf8_slice_codeunits(plain, 7, 11),
        "-",
    )
    wide = pa.array(
        [text.translate(_WIDE) for text in plain.filter(pa.array(spoil == Spoil.FULL_WIDTH)).to_pylist()], pa.string()
    )
    counters = pa.array([f"1390000{8800 + n}" for n in range(SHOP_PHONES)])
    texts = (
        (Spoil.PREFIXED, pc.binary_join_element_wise("+86", plain, "")),
        (Spoil.DASHED, dashed),
        (Spoil.EXCEL, excel),
        (Spoil.PLACEHOLDER, pa.scalar(PLACEHOLDER)),
        (Spoil.EMPTY, pa.scalar("")),
        (Spoil.SHOP_PHONE, counters.take(pa.array(shop % SHOP_PHONES))),
    )
    shown = plain
    for kind, text in texts:
        shown = pc.if_else(pa.array(spoil == kind), text, shown)
    return pc.replace_with_mask(shown, pa.array(spoil == Spoil.FULL_WIDTH), wide)


_WIDE = {ord("0") + n: 0xFF10 + n for n in range(10)}
