"""The contract of a protocol: how a client's requests are known, whose they are, what is answered, what they say.

A protocol is a class named by `@protocol("segment")` in a module of `limner.flow.sources.protocols`, from an entry
point `limner.protocols`, or from a trusted workspace folder. It does no input or output: it is given a request and
returns values, so that what was acknowledged can be read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol, TypeAlias

from limner.core.registry import Registry

Body: TypeAlias = Mapping[str, Any]

EVENT: Final = "event"
PEOPLE: Final = "people"
CONSENT: Final = "consent"
UNBIND: Final = "unbind"


@dataclass(frozen=True, slots=True)
class Request:
    """What the door knows of a request: `path` without its query; headers in lower case; the body as it was sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One thing a client said. Stamps are µs UTC by the client's clock, None where it said none.

    `user` and `anonymous` are the client's own ids: what kinds they are, the source says; `also` is a second id of the
    kind of `user`. `identifiers` are those whose kind the protocol knows. `name` is as the client wrote it; `products`
    are the lines of an order. Where `is_wall`, stamps are µs of a wall clock that stands in the source's zone.
    """

    kind: str
    name: str = ""
    message_id: str = ""
    happened_at: int | None = None
    sent_at: int | None = None
    user: str = ""
    anonymous: str = ""
    also: str = ""
    identifiers: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    products: tuple[Mapping[str, Any], ...] = ()
    via: str = ""
    session: str = ""
    agent: str = ""
    address: str = ""
    consent: Mapping[str, Any] = field(default_factory=dict)
    is_wall: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """Something a client sent that cannot be used: why, where in the request, and a piece of it."""

    reason: str
    place: str = ""
    value: str = ""


Said: TypeAlias = Message | Bad


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told."""

    body: bytes = b'{"success":true,"status":1,"code":0}'
    type: str = "application/json"


OK: Final = Answer()


class Intake(Protocol):
    """One family of endpoints.

    `routes` are (method, path); a path may end in `*`. `names` are the protocol's own event names with ours.
    """

    routes: ClassVar[tuple[tuple[str, str], ...]]
    names: ClassVar[Mapping[str, str]]

    def key(self, request: Request) -> str:
        """The write key a request carries; empty for none. It must not cost more than a look."""
        ...

    def said(self, request: Request) -> Iterator[Said]:
        """Everything a request says; what cannot be used is a `Bad`, and nothing raises."""
        ...

    def answer(self, request: Request) -> Answer:
        """What a client wants to hear when its request was taken."""
        ...


protocols: Registry[type[Intake]] = Registry("protocol", "limner.flow.sources.protocols", "limner.protocols")
protocol = protocols.kind
