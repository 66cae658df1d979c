"""Where a topic is: `kafka://host:9092,host2:9092/topic?security.protocol=SASL_SSL&sasl.password=env:NAME…`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from limner.core.errors import BadDefinition, Broken, NotFound, near, words

if TYPE_CHECKING:
    from types import ModuleType

BAD_URL = words(
    "stream_url_bad",
    "[stores] stream {url!r} names no brokers and topic. Write it like kafka://host:9092,host2:9092/clicks; a user and "
    "a password are the options sasl.username and sasl.password=env:NAME.",
)
BAD_OPTION = words(
    "stream_option_unknown", "[stores] stream: the option {option} cannot be set here. These can: {known}."
)
OPEN_SECRET = words(
    "stream_secret_open", "[stores] stream: {option} stands there in the open. Write env:NAME or file:PATH instead."
)
NO_CLIENT = words("kafka_client_missing", "The library for Kafka is not installed. Run: pip install 'limner[kafka]'.")
AWAY = words(
    "kafka_away",
    "Kafka does not answer at {servers} about the topic {topic}: {why}. What is acknowledged meanwhile waits on the "
    "disk.",
)

KAFKA: Final = "kafka://"
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_MAY: Final = ("broker.address.", "client.", "sasl.", "security.", "socket.", "ssl.")
_MAY_BE: Final = ("group.id", "linger.ms", "message.max.bytes")
_SECRET: Final = re.compile(r"password|secret|\.pem$")

WAIT: Final = 5.0
"""Seconds for which a broker may think about a question."""


@dataclass(frozen=True, slots=True)
class Place:
    """Brokers, a topic, and options of librdkafka, secrets among them."""

    servers: str
    topic: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    trouble: list[str] = field(default_factory=list, repr=False, compare=False)
    """What the library has told last, while questions fail: a refused password, a broker that is gone."""

    @property
    def most(self) -> int:
        """Bytes of the largest message; brokers take a million when they are not told otherwise."""
        return int(self.options.get("message.max.bytes", "1000000"))

    def producer(self) -> Any:
        """A producer that is told of every message only when all replicas in sync have it, once and in order."""
        left_out = ("group.id",)
        return client().Producer(
            self._config(left_out)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "queue.buffering.max.kbytes": 256 << 10,
                "queue.buffering.max.messages": 1_000_000,
                "linger.ms": self.options.get("linger.ms", "1"),
                "message.max.bytes": self.most,
            }
        )

    def consumer(self) -> Any:
        """A consumer that is told what to read, and by nobody where to go on."""
        return client().Consumer(
            {"group.id": "limner"}
            | self._config(("linger.ms", "message.max.bytes"))
            | {
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "allow.auto.create.topics": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 32 << 10,
                "fetch.message.max.bytes": max(4 << 20, self.most + 1024),
                "fetch.wait.max.ms": 100,
            }
        )

    def admin(self) -> Any:
        """A client for what concerns the topic itself."""
        client()
        from confluent_kafka.admin import AdminClient

        return AdminClient(self._config(("linger.ms", "message.max.bytes", "group.id")))

    def away(self, error: Exception) -> Broken:
        """The error of brokers that do not answer."""
        why = "; ".join(dict.fromkeys((told_of(error), *self.trouble)))
        return Broken(AWAY, servers=self.servers, topic=self.topic, why=why)

    def _heard(self, error: Any) -> None:
        self.trouble[:] = [told_of(error)]

    def _config(self, left_out: tuple[str, ...]) -> dict[str, Any]:
        given = {name: value for name, value in self.options.items() if name not in left_out}
        ours = {"reconnect.backoff.max.ms": 2000, "log_level": 0, "error_cb": self._heard}
        return {**given, **ours, "bootstrap.servers": self.servers}


def place_of(url: str, secret: Callable[[str], str]) -> Place:
    """The topic of a URL; `secret` reads env:NAME and file:PATH.

    >>> place = place_of("kafka://a:9092,b:9092/clicks?sasl.username=limner&sasl.password=env:PW", lambda place: "pw")
    >>> place.servers, place.topic, place.options["sasl.password"]
    ('a:9092,b:9092', 'clicks', 'pw')
    """
    parts = urlsplit(url)
    topic = parts.path.strip("/")
    if parts.scheme != "kafka" or not parts.netloc or "@" in parts.netloc or not _TOPIC.fullmatch(topic):
        raise BadDefinition(BAD_URL, url=url.partition("?")[0].rpartition("@")[2])
    options = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if not (name in _MAY_BE or name.startswith(_MAY)) or (name == "message.max.bytes" and not value.isdecimal()):
            known = ", ".join([*_MAY_BE, *(f"{start}…" for start in _MAY)])
            raise BadDefinition(BAD_OPTION, near=near(name, _MAY_BE), option=name, known=known)
        is_named = value.startswith(("env:", "file:"))
        if _SECRET.search(name) and not is_named:
            raise BadDefinition(OPEN_SECRET, option=name)
        options[name] = secret(value) if is_named else value
    return Place(parts.netloc, topic, options)


def client() -> ModuleType:
    """The library. Raises NotFound when it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise NotFound(NO_CLIENT) from None
    return confluent_kafka


def told_of(error: Any) -> str:
    """What the library says of an error, without its numbers."""
    told = error.args[0] if isinstance(error, Exception) and error.args else error
    return str(told.str() if hasattr(told, "str") else told)
