"""Values and bounds as results of checks say them, alike in every language."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal


def percent(share: Decimal) -> str:
    """A share as people read it, to a hundredth of a percent.

    >>> percent(Decimal("0.0123456")), percent(Decimal(1))
    ('1.23%', '100%')
    """
    text = format((share * 100).quantize(Decimal("0.01")), "f").rstrip("0").rstrip(".")
    return f"{text or '0'}%"


def number(value: Decimal | int) -> str:
    """A number with its thousands parted and no idle noughts.

    >>> number(Decimal("1234.5000")), number(12)
    ('1,234.5', '12')
    """
    text = f"{Decimal(value):,.4f}"
    return text.rstrip("0").rstrip(".")


def said_span(age: timedelta) -> str:
    """A span rounded to what matters: days above two, hours above two, minutes.

    >>> from datetime import timedelta
    >>> said_span(timedelta(hours=50, minutes=4)), said_span(timedelta(minutes=-3))
    ('2d', '-3m')
    """
    seconds = int(age.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= 2 * size:
            return f"{sign}{seconds // size}{unit}"
    return f"{sign}{seconds // 60}m"
