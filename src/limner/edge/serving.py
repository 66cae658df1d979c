"""`limner serve`: a front that answers; beside it a keeper that hands over what falls due, and a watcher of folders."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.app.keys import secret
from limner.core.actor import Actor
from limner.core.errors import Busy, LimnerError, NotFound, Refused, words
from limner.edge.masking import mask_logs
from limner.edge.say import say, say_error

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.edge.http.guard import App, Terms

NEEDS_TOKEN = words(
    "serve_needs_token",
    "Without a token only this machine may ask, and {host} is open to others. Set LIMNER_TOKEN to a long secret, or "
    "leave out --host.",
)
SHORT_TOKEN = words("serve_token_short", "The token has {count} characters, it needs {least} or more.")
TAKEN = words("serve_port_taken", "{host}:{port} cannot be listened on: {why}. Choose another --port.")

_LEAST = 16
_LONGEST: Final = 60.0
_GRACE: Final = 20.0
_TURN: Final = 0.0003
"""Seconds a thread of the front runs before another may: the stream's writer must not wait long for its turn."""


def serve(
    shop: Workspace,
    host: str = "127.0.0.1",
    port: int = 8420,
    *,
    only: str | None = None,
    access_log: bool = False,
) -> None:
    """Answer over HTTP until told to stop, with a keeper beside it. Port 0 takes a free one.

    With `only` a collector, requests of clients are taken and nothing else is done; there may be many of those. With
    `access_log` every question is a line on standard error, with addresses masked; what clients send to the collector
    is not.
    """
    if only:
        _collect(shop, host, port)
        return
    terms = terms_of(shop, host)
    from limner.edge.http import application

    lang = shop.settings.workspace.locale
    listening = _listen(host, port)
    with listening, shop.stores.ledger.lease("serve", shop.clock(), "limner serve"), _stoppable():
        place = listening.getsockname()
        url = f"http://{host if ':' not in host else f'[{host}]'}:{place[1]}"
        keeper = Keeper(shop.folder, lang)
        watcher = Keeper(shop.folder, lang, "watcher")
        keeper.start()
        watcher.start()
        try:
            _say("serving", lang, url=url, name=shop.settings.workspace.name)
            _front(shop, application(shop, asker(shop), terms), listening, is_logged=access_log)
        except KeyboardInterrupt:
            pass
        finally:
            watcher.stop()
            keeper.stop()
            _say("served", lang)


def _collect(shop: Workspace, host: str, port: int) -> None:
    """Take requests; whoever holds the keeper's lease drains them."""
    from limner.edge.collector.alone import alone

    lang = shop.settings.workspace.locale
    with _listen(host, port) as listening, _stoppable():
        url = f"http://{host if ':' not in host else f'[{host}]'}:{listening.getsockname()[1]}"
        _say("taking", lang, url=url, name=shop.settings.workspace.name)
        try:
            _front(shop, alone, listening)
        except KeyboardInterrupt:
            pass
        _say("taken", lang)


def terms_of(shop: Workspace, host: str) -> Terms:
    """Who may ask: without a token, this machine only."""
    from limner.edge.http.guard import LOCAL, Terms

    settings = shop.settings.serve
    try:
        token = secret(shop.folder, settings.token)
    except NotFound:
        if settings.token != "env:LIMNER_TOKEN":  # noqa: S105 - where it is, not what
            raise
        token = ""
    if not token and host not in LOCAL:
        raise Refused(NEEDS_TOKEN, host=host)
    if token and len(token) < _LEAST:
        raise Refused(SHORT_TOKEN, count=len(token), least=_LEAST)
    named = frozenset(name.strip().lower() for name in settings.hosts.split(",") if name.strip())
    bound = frozenset() if host in {"0.0.0.0", "::"} else frozenset({host.lower()})  # noqa: S104 - compared
    return Terms(LOCAL | named | bound, token, settings.most)


def asker(shop: Workspace) -> Actor:
    """Whoever asks over HTTP: not the owner; personal columns only where the settings give the role."""
    roles = (role.strip() for role in shop.settings.serve.roles.split(","))
    return Actor("http", frozenset(role for role in roles if role))


def _front(shop: Workspace, app: App, listening: socket.socket, *, is_logged: bool = False) -> None:
    import uvicorn

    from limner.edge.collector import Collector
    from limner.edge.collector.door import door

    lang = shop.settings.workspace.locale
    collector = Collector(shop.stores, app, lambda news: _tell(news, lang))
    config = uvicorn.Config(
        collector,
        loop="uvloop",
        http=door(collector),
        log_level="info" if is_logged else "warning",
        access_log=is_logged,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=10,
        limit_concurrency=4096,
        backlog=4096,
    )
    mask_logs()
    sys.setswitchinterval(_TURN)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        collector.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise Busy(TAKEN, host=host, port=port, why=why) from None


@contextmanager
def _stoppable() -> Iterator[None]:
    """While the block runs, being told to end (SIGTERM) is the same as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Keeper:
    """A process beside the front, started again when it ends by itself: at once, then after 1 s, 2 s, … a minute.

    There are two: the keeper hands over what falls due, the watcher takes in what comes into watched folders; a large
    file delays no message.
    """

    def __init__(self, folder: Path, lang: str, what: str = "keeper") -> None:
        self._folder, self._lang, self._what = folder, lang, what
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name=what, daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that keeps now."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to keep."""
        self._begin()
        self._thread.start()

    def stop(self) -> None:
        """Tell it to end and wait: what is under way is settled first."""
        self._over.set()
        self._thread.join(_GRACE + 5)

    def _begin(self) -> None:
        command = [sys.executable, "-m", f"limner.edge.{self._what}", str(self._folder), str(os.getpid())]
        self._process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        wait, began = 1.0, time.monotonic()
        while not self._over.wait(0.2):
            if self._process is None or self._process.poll() is None:
                continue
            wait = 1.0 if time.monotonic() - began > _LONGEST else wait
            _say(f"{self._what}_again", self._lang, code=self._process.returncode, seconds=f"{wait:.0f}")
            if self._over.wait(wait):
                break
            wait, began = min(wait * 2, _LONGEST), time.monotonic()
            self._begin()
        self._end()

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _tell(news: LimnerError | None, lang: str) -> None:
    """That the stream went away, why; or that it is back."""
    if news is None:
        _say("stream_back", lang)
    else:
        sys.stderr.write(say_error(news, lang) + "\n")
        sys.stderr.flush()


def _say(key: str, lang: str, **values: object) -> None:
    sys.stderr.write(say("door", key, lang, **values) + "\n")
    sys.stderr.flush()
