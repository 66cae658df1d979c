"""What a server writes into its log: no address stands in it, wherever it came from."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Final
from urllib.parse import quote, unquote

from limner.core.normal import without_addresses

LOGGERS: Final = ("uvicorn.access", "uvicorn.error", "uvicorn.asgi")
"""The loggers through which a front speaks."""

_PLAIN: Final = "/:?&=*@,.~ -_'\"[](){}<>#!+;|$\t"

_PIECES: Final = re.compile(r"([/?&=:;])")
_TWICE: Final = 3
"""How often percent signs may have been made of percent signs."""


def masked_lines(said: str) -> str:
    """A text of several lines with every address in it masked; the lines stay.

    >>> masked_lines("KeyError: '13812349876'\\n  of li.ming@qq.com")
    "KeyError: '138****76'\\n  of li***@qq.com"
    """
    return "\n".join(_indented(line) for line in said.split("\n"))


def masked_url(said: str) -> str:
    """A part of a log line, percent signs undone (also those made of others), masked piece by piece, and written as
    one line again.

    >>> masked_url("/customers/email:li.ming%2540qq.com?x=1%0A2"), masked_url("/health")
    ('/customers/email:li***@qq.com?x=1%0A2', '/health')
    """
    plain = said
    for _ in range(_TWICE):
        plain = unquote(plain)
    hidden = "".join(without_addresses(piece) for piece in _PIECES.split(plain))
    return said if hidden == plain else quote(hidden, safe=_PLAIN)


class Masking(logging.Filter):
    """Masks every address of a record, its traceback included, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, masked."""
        if isinstance(record.args, tuple):
            record.args = tuple(masked_url(part) if isinstance(part, str) else part for part in record.args)
        if isinstance(record.msg, str):
            record.msg = masked_lines(record.msg)
        if record.exc_info:
            record.exc_text = masked_lines("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return True


def mask_logs() -> None:
    """Mask what the loggers of a front say from now on."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Masking) for one in logger.filters):
            logger.addFilter(Masking())


def _indented(line: str) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)] + without_addresses(body)
