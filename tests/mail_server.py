"""A real mail server for tests: aiosmtpd on a free port, in a thread of this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(inbox: object, **options: Any) -> Iterator[int]:
    """Serve while the block runs; the port."""
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)
