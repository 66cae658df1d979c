"""The contract of a channel kind: what it is handed, what it answers, and the decorator that names it.

A kind is a class with `deliver`. It is made once for a channel and a run, with the channel's options read into its own
frozen dataclass and its secrets looked up, is opened, handed batches by several callers at once, and closed. It knows
no rule and no ledger: consent, caps and hours were asked before, what its answers mean is decided after.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar
from urllib.parse import quote

from limner.core.definition import read
from limner.core.errors import BadDefinition, near, words
from limner.core.ours import Channel
from limner.core.registry import Registry
from limner.flow.channels.twins import Twin

Carries = Literal["mail", "message", "list"]
"""mail: subject with HTML or text. message: text or a JSON payload. list: rows for a person to work through."""

Answer = Literal["taken", "rejected", "later", "unknown", "untried"]
"""taken: the provider has it. rejected: it never will (a wrong address). later: not now, try again. unknown: the
connection ended before the answer, so it may have it; tried again under the same key. untried: it was not asked."""

NO_SECRET = words(
    "channel_secret_missing", "{place}: the kind {kind!r} needs the secret {name!r}. Write secrets: {name}: env:NAME."
)
UNKNOWN_SECRET = words("channel_secret_unknown", "{place}: the kind {kind!r} has no secret {name!r}.")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words of one message for one customer. `segments` is what the price is multiplied with."""

    text: str = ""
    subject: str = ""
    html: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    segments: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one customer. `key` is the same at every try; `tries` counts this one.

    The address and the words are personal: they are not in the repr, and nobody but the kind reads the address.
    """

    key: str
    address: str = field(repr=False)
    rendered: Rendered = field(repr=False)
    customer_id: str = ""
    campaign: str = ""
    offer: str = ""
    tries: int = 1
    values: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Handed:
    """The provider's answer to one message. `words` never hold an address."""

    key: str
    answer: Answer
    words: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """Where a kind stands: the id of its channel, the secrets looked up for it, the workspace's folder, the clock."""

    channel: str
    home: Path
    now: Callable[[], datetime]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


O = TypeVar("O")  # noqa: E741


class ChannelKind(ABC, Generic[O]):
    """A kind of channel. Subclass it with an options dataclass, name it with `@channel_kind`, write `deliver`.

    `batch` is the most messages of one call, `at_once` the most calls under way; a kind may set them in `__init__`
    from its options. `honours_key` says that a receiver drops a message whose key it has seen.
    """

    carries: ClassVar[Carries] = "message"
    options_type: ClassVar[type]
    secrets_needed: ClassVar[tuple[str, ...]] = ()
    secrets_known: ClassVar[tuple[str, ...]] = ()
    honours_key: ClassVar[bool] = False
    batch: int = 100
    at_once: int = 1

    def __init__(self, options: O, post: Post) -> None:
        self.options, self.post = options, post

    @classmethod
    def twin(cls, home: Path) -> Twin | None:
        """A provider of our own to run the contract tests against; `home` is an empty folder. None: there is none."""
        return None

    async def open(self) -> None:
        """Called once before the first batch. Raise Broken when the provider cannot be reached."""

    @abstractmethod
    async def deliver(self, batch: Sequence[Message]) -> Sequence[Handed]:
        """Hand a batch over; one answer per message, in any order. A message without an answer counts as unknown.

        Raise Broken when the provider cannot be reached and none of the batch was handed over.
        """

    async def close(self) -> None:
        """Called once after the last batch, also when one failed."""


KINDS: Registry[type[ChannelKind[Any]]] = Registry("channel kind", "limner.flow.channels", "limner.channels")
"""All channel kinds: the modules of this package, and the entry points `limner.channels`."""

K = TypeVar("K", bound=type[ChannelKind[Any]])


def channel_kind(name: str) -> Callable[[K], K]:
    """The decorator that names a kind: `@channel_kind("smtp")`."""

    def register(kind: K) -> K:
        KINDS.kind(name)(kind)
        return kind

    return register


def options_of(channel: Channel, place: str) -> object:
    """The options of a channel in the dataclass of its kind; unknown options and secrets are BadDefinition."""
    kind = KINDS.find(channel.kind)
    known = (*kind.secrets_needed, *kind.secrets_known)
    for name in channel.secrets:
        if name not in known:
            raise BadDefinition(UNKNOWN_SECRET, near=near(name, known), place=place, kind=channel.kind, name=name)
    for name in kind.secrets_needed:
        if name not in channel.secrets:
            raise BadDefinition(NO_SECRET, place=place, kind=channel.kind, name=name)
    return read(kind.options_type, dict(channel.options), f"{place}: options")


def why(error: BaseException) -> str:
    """What went wrong with a connection, in a few words: the system's own where it has some.

    >>> why(ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 25)"))
    'Connection refused'
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionError) and cause.errno is not None:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return str(getattr(error, "message", "") or error)[:200] or type(error).__name__


def unsubscribe_link(url: str, key: str) -> str:
    """The link a customer unsubscribes by; it names the message, never the customer.

    >>> unsubscribe_link("https://example.com/u?l=zh", "k1")
    'https://example.com/u?l=zh&k=k1'
    """
    return f"{url}{'&' if '?' in url else '?'}k={quote(key, safe='')}"
