"""The market: a shop's past as files, and a world that answers what the shop sends into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from limner_market.baskets import Lines
from limner_market.chance import Floats, Ints
from limner_market.clicks import clicks_on, join_clicks, landing_clicks
from limner_market.consents import CHANNELS, Consents, base_opt_outs, grants_on, join_consents, opt_outs, past_consents
from limner_market.days import DAY, ZONE, Period, date_of, day_of, instant_of, second_of
from limner_market.distinct import distinct
from limner_market.files import Folder, Formats, open_folder
from limner_market.future import Wallet, empty_wallet, orders_between
from limner_market.history import Tell, pending_lines, write_history, write_sales
from limner_market.manifest import Ledger, Manifest
from limner_market.receipts import receipt_rows
from limner_market.response import GATEWAYS
from limner_market.tables import clicks_table, consents_table
from limner_market.touches import (
    Messages,
    Reception,
    Standing,
    Touches,
    grant_keys,
    join_touches,
    no_touches,
    read_messages,
    receive,
)
from limner_market.truth import Truth, order_margins, truth_of
from limner_market.world import World, make_world

START = date(2024, 9, 1)
NOW = datetime(2026, 9, 1, tzinfo=ZONE)
FEWEST = 2_000
MOST = 2_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What the world did in a period: the files written, and the receipts as a table (message_key, status, at).

    `again` counts messages left out because their key had come before, `unknown` those whose address is nobody's.
    """

    manifest: Manifest
    receipts: pa.Table
    messages: int
    again: int
    unknown: int


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where the world stands: the clock's day and everything that reaches into the days after it."""

    day: int
    touches: Touches
    wallet: Wallet
    lines: Lines
    keys: pa.Array
    codes: pa.Array
    opted_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    grants: Ints
    receipts: pa.Table


class Market:
    """A seeded market of `customers` members with a past from `start` until `now`, and a future that is played on
    demand.

    Everything follows from (seed, customers, start, now) and the messages played: the same calls write the same
    bytes. The clock moves only in `play`. `start` and `now` are midnights in Asia/Shanghai, at least 400 days apart.

    >>> market = Market(customers=2_000, seed=1)
    >>> market.clock.isoformat()
    '2026-09-01T00:00:00+08:00'
    """

    def __init__(self, customers: int = 200_000, *, seed: int = 1, start: date = START, now: datetime = NOW) -> None:
        if not FEWEST <= customers <= MOST:
            raise ValueError(f"customers is {customers}; a market holds {FEWEST} to {MOST}")
        first, last = day_of(start), _midnight(now, "now")
        if last - first < 400:
            raise ValueError(
                f"start is {start}, {last - first} days before now; a market needs at least 400 days of history"
            )
        self.world: World = make_world(seed, customers, first, last)
        self._moment: _Moment | None = None

    @property
    def clock(self) -> datetime:
        """The instant up to which the world has been lived, with zone Asia/Shanghai."""
        return instant_of((self._moment.day if self._moment else self.world.now_day) * DAY)

    def write(self, folder: str | Path, *, formats: Formats = "shop", tell: Tell | None = None) -> Manifest:
        """Write the past into `folder`, and the truth into its sub-folder `truth`. `tell(done, total, words)` hears
        of progress.

        "shop" writes the files a shop has, "plain" the same rows and headers as one typed Parquet file per kind.
        """
        return write_history(self.world, Path(folder), formats, tell)

    def play(
        self, messages: pa.Table | None, until: datetime, folder: str | Path, *, formats: Formats = "shop"
    ) -> Reply:
        """Live from the clock to `until` (a midnight in Asia/Shanghai) with what the gateways received, and write
        its files.

        `messages`: message_key, channel (sms, wecom, mini, guide), address, campaign, offer, benefit (yuan, 0 for
        words), coupon (code or null), handed_over_at (with zone, before `until`); None or no rows for none. A key
        counts once, ever.
        """
        now, last = self._now(), _midnight(until, "until")
        if last <= now.day:
            raise ValueError(f"until is {until.isoformat()}; it must be after the clock, {self.clock.isoformat()}")
        period = Period(f"{date_of(now.day):%Y%m%d}-{date_of(last):%Y%m%d}", now.day, last)
        read = _read(self.world, messages, now, last)
        codes = _with_codes(now.codes, read.coupon)
        stated = join_consents([*(f(self.world, d) for d in range(now.day, last) for f in (grants_on, base_opt_outs))])
        grants = distinct(np.concatenate([now.grants, _grants(stated)]))
        standing = Standing(now.touches, now.opted_out, self._said_no, grants)
        got = receive(self.world, standing, read, _code_numbers(codes, read.coupon))
        touches = join_touches(now.touches, got.touches)
        lines, wallet = orders_between(self.world, touches, now.wallet, now.day, last)
        lines = lines.rows(np.lexsort((lines.line, lines.order, lines.second)))
        out, ledger = open_folder(Path(folder), formats, period.word), Ledger()
        both = Lines(*(np.concatenate([getattr(now.lines, f), getattr(lines, f)]) for f in Lines.__slots__))
        waiting = write_sales(self.world, out, ledger, period, both, codes, spoilt=False)
        opted_out = self._write_acts(out, ledger, period, got, stated, now.opted_out)
        told, later = receipt_rows(read.key, got, now.receipts, last * DAY)
        out.add("receipts", period.word, told)
        keys = pa.concat_arrays([now.keys, read.key])
        self._moment = _Moment(last, touches, wallet, waiting, keys, codes, opted_out, grants, later)
        total = 0 if messages is None else messages.num_rows
        unknown = int((read.person < 0).sum())
        return Reply(ledger.manifest(self.world, out.close()), told, len(read), total - len(read), unknown)

    def truth(
        self,
        member_nos: Sequence[str] | pa.Array,
        *,
        channel: str = "sms",
        benefit: Decimal | float = 0,
        decided_at: datetime | None = None,
        handed_over_at: datetime | None = None,
    ) -> Truth:
        """What a message on `channel` with a coupon of `benefit` yuan truly changes for these members in the 14
        days from the day of the decision (default: the clock's). Default hand-over: 20:00 of that day. Unknown
        member numbers are refused."""
        if channel not in GATEWAYS:
            raise ValueError(f"unknown channel {channel!r}; the market has {', '.join(GATEWAYS)}")
        decided = day_of(decided_at or self.clock)
        handed = second_of(handed_over_at) if handed_over_at else decided * DAY + 20 * 3_600
        touches = self._moment.touches if self._moment else no_touches()
        return truth_of(
            self.world, self._margins, self.numbers(member_nos), channel, float(benefit), touches, decided, handed
        )

    def numbers(self, member_nos: Sequence[str] | pa.Array) -> Ints:
        """The world's row of each member number; an unknown one is refused."""
        wanted = (
            pa.array(member_nos, pa.string()) if not isinstance(member_nos, pa.Array) else member_nos.cast(pa.string())
        )
        found = pc.index_in(wanted, value_set=self.world.identifiers.member_no)
        if found.null_count:
            raise ValueError(f"member number {wanted.filter(pc.is_null(found))[0].as_py()!r} is not in this market")
        return np.asarray(found.to_numpy(), dtype=np.int64)

    @cached_property
    def _margins(self) -> Floats:
        return order_margins(self.world)

    @cached_property
    def _past(self) -> Consents:
        return past_consents(self.world)

    @cached_property
    def _said_no(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        said_no = np.zeros((len(self.world.people), len(CHANNELS)), dtype=bool)
        said_no[self._past.person, self._past.channel] = ~self._past.granted
        return said_no

    def _now(self) -> _Moment:
        if self._moment is not None:
            return self._moment
        total = len(self.world.people)
        return _Moment(
            day=self.world.now_day,
            touches=no_touches(),
            wallet=empty_wallet(total),
            lines=pending_lines(self.world),
            keys=pa.array([], pa.string()),
            codes=pa.array([], pa.string()),
            opted_out=np.zeros((total, len(CHANNELS)), dtype=bool),
            grants=_grants(self._past),
            receipts=receipt_rows(pa.array([], pa.string()), None, None, 0)[0],
        )

    def _write_acts(
        self,
        out: Folder,
        ledger: Ledger,
        period: Period,
        got: Reception,
        stated: Consents,
        opted_out: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Clicks and consents of the period; returns who has opted out by its end."""
        touches = got.touches
        came = (got.click_at >= 0) & self.world.people.has_mini[np.maximum(touches.person, 0)]
        acts = [clicks_on(self.world, day) for day in range(period.first, period.last)]
        clicks = join_clicks([*acts, landing_clicks(self.world, touches.person[came], got.click_at[came])])
        out.add("clicks", period.word, clicks_table(self.world, clicks))
        ledger.count("clicks", len(clicks))
        left = got.leave_at >= 0
        leaving = [
            opt_outs(touches.person[left & (touches.channel == c)], c, got.leave_at[left & (touches.channel == c)])
            for c in range(len(CHANNELS))
        ]
        consents = join_consents([stated, *leaving])
        out.add("consents", period.word, consents_table(self.world, consents))
        ledger.count("consents", len(consents))
        after = opted_out.copy()
        after[touches.person[left], touches.channel[left]] = True
        return after


def _midnight(moment: datetime, name: str) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{name} is {moment.isoformat()}; it needs a zone")
    if second_of(moment) % DAY:
        raise ValueError(f"{name} is {moment.isoformat()}; it must be a midnight in Asia/Shanghai")
    return day_of(moment)


def _read(world: World, messages: pa.Table | None, now: _Moment, last: int) -> Messages:
    if messages is None or messages.num_rows == 0:
        none = np.zeros(0, dtype=np.int64)
        return Messages(pa.array([], pa.string()), none, none, none, none, pa.array([], pa.string()))
    return read_messages(world, messages, now.keys, now.day * DAY, last * DAY)


def _with_codes(codes: pa.Array, coupon: pa.Array) -> pa.Array:
    return pc.unique(pa.concat_arrays([codes, coupon.drop_null()]))


def _code_numbers(codes: pa.Array, coupon: pa.Array) -> Ints:
    return np.asarray(pc.index_in(coupon, value_set=codes, skip_nulls=True).fill_null(-1).to_numpy(), dtype=np.int64)


def _grants(consents: Consents) -> Ints:
    given = (consents.uses == 1) & consents.granted
    return grant_keys(consents.person[given], consents.second[given])
