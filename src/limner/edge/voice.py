"""Numbers, dates and words as a reader of a language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from limner.app.reporting.contents import Interval
from limner.edge.say import say, words_of

_SIGNS: Mapping[str, str] = {"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$"}
MINUS = "\u2212"
DASH = "–"
JOINED = "\u2060"
"""No line breaks here."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A language with the workspace's currency and zone; `section` is where its own words stand."""

    lang: str
    currency: str = "CNY"
    zone: str = "Asia/Shanghai"
    section: str = "report"

    def say(self, key: str, **values: object) -> str:
        """A word or sentence of the section."""
        return say(self.section, key, self.lang, **values)

    def word(self, section: str, key: str, otherwise: str | None = None) -> str:
        """A word of another section; `otherwise`, or the key itself, where the language has none."""
        found: Mapping[str, Any] = words_of(self.lang).get(section, {})
        return str(found.get(key, key if otherwise is None else otherwise))

    def name(self, zh: str, en: str, otherwise: str) -> str:
        """The display name in this language, of those that are there."""
        first, second = (zh, en) if self.lang == "zh" else (en, zh)
        return first or second or otherwise

    def count(self, number: int) -> str:
        """12,345."""
        return f"{number:,}".replace("-", MINUS)

    def told(self, number: int | None) -> str:
        """A count; `too few` where it may not be told."""
        return self.say("too_few") if number is None else self.count(number)

    def share(self, value: float, digits: int = 1) -> str:
        """8.6 %, without the space in Chinese."""
        return f"{value * 100:.{digits}f}%".replace("-", MINUS)

    def money(self, amount: float | Decimal, *, is_signed: bool = False, digits: int = 0) -> str:
        """¥12,345; signed amounts carry + or −."""
        rounded = round(Decimal(str(amount)), digits)
        joined = JOINED if self.section == "report" else ""
        sign = MINUS + joined if rounded < 0 else "+" + joined if is_signed and rounded > 0 else ""
        return f"{sign}{_SIGNS.get(self.currency, self.currency + ' ')}{abs(rounded):,.{digits}f}"

    def money_interval(self, found: Interval) -> str:
        """¥1,000 to ¥2,000, signed."""
        return self.say("interval", low=self._signed(found.low), high=self._signed(found.high))

    def _signed(self, amount: float) -> str:
        return self.money(amount, is_signed=True)

    def points(self, value: float, digits: int = 1) -> str:
        """+2.6, in points of share."""
        text = f"{value * 100:+.{digits}f}"
        return text.replace("-", MINUS) if float(text) else f"{0:.{digits}f}"

    def points_interval(self, found: Interval, digits: int = 1) -> str:
        """+1.5 to +3.7."""
        return self.say("interval", low=self.points(found.low, digits), high=self.points(found.high, digits))

    def day(self, moment: datetime) -> str:
        """The local day."""
        local = moment.astimezone(ZoneInfo(self.zone))
        if self.lang == "zh":
            return f"{local.year} 年 {local.month} 月 {local.day} 日"
        return f"{local.day} {local:%B} {local.year}"

    def short_day(self, moment: datetime) -> str:
        """The local day without its year."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return f"{local.month} 月 {local.day} 日" if self.lang == "zh" else f"{local.day} {local:%b}"

    def minute(self, moment: datetime) -> str:
        """The local day and minute, as digits."""
        return f"{moment.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M}"

    def month(self, month: str) -> str:
        """2026-08 as people say it."""
        return month if self.lang == "zh" else datetime.strptime(month + "-01+0000", "%Y-%m-%d%z").strftime("%b %Y")

    def listed(self, names: list[str]) -> str:
        """Names in a row, as a sentence lists them."""
        if len(names) < 2:
            return "".join(names)
        return self.say("listing_last", first=self.say("listing_comma").join(names[:-1]), last=names[-1])

    def quoted(self, name: str) -> str:
        """A name in the language's quotation marks."""
        return self.say("quoted", name=name)


def digits_for(found: Interval | None) -> int:
    """How many digits points need so that neither end of an interval looks like nought when it is not."""
    if found is None:
        return 1
    near = min(abs(found.low), abs(found.high), abs(found.estimate))
    return 1 if near >= 0.001 else 2
