"""Brokers for tests: librdkafka's own cluster in this process. It speaks the protocol over TCP to any client, keeps what
it is told in memory, and can be taken down and brought back."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_CALLS = {
    "rd_kafka_conf_new": (ctypes.c_void_p, []),
    "rd_kafka_conf_set": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]),
    "rd_kafka_new": (ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_mock_cluster_new": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
    "rd_kafka_mock_cluster_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_mock_cluster_bootstraps": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_mock_topic_create": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
    "rd_kafka_mock_broker_set_down": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_up": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_rtt": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int]),
}  # fmt: skip
_BOOTSTRAP = b"127.0.0.1:1"
TOPIC = "clicks"


def _library() -> ctypes.CDLL:
    kafka = pytest.importorskip("confluent_kafka")
    found = next(Path(kafka.__file__).parent.parent.glob("confluent_kafka.libs/librdkafka-*"), None)
    if found is None:
        pytest.skip("the library's own cluster is not at hand")
    library = ctypes.CDLL(str(found))
    for name, (result, arguments) in _CALLS.items():
        call = getattr(library, name)
        call.restype, call.argtypes = result, arguments
    return library


class Brokers:
    """A cluster of `count` brokers with one topic."""

    def __init__(self, partitions: int = 3, count: int = 1) -> None:
        self._library, self._count = _library(), count
        config = self._library.rd_kafka_conf_new()
        for name, value in ((b"log_level", b"0"), (b"bootstrap.servers", _BOOTSTRAP)):
            self._library.rd_kafka_conf_set(config, name, value, None, 0)
        self._client = self._library.rd_kafka_new(0, config, None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, count)
        self.make(TOPIC, partitions)

    def make(self, topic: str, partitions: int) -> None:
        """Make a topic."""
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, self._count)

    @property
    def servers(self) -> str:
        """Where they listen."""
        return self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    @property
    def url(self) -> str:
        """The topic, as [stores] stream names it."""
        return f"kafka://{self.servers}/{TOPIC}"

    def down(self) -> None:
        """Refuse connections."""
        for number in range(1, self._count + 1):
            self._library.rd_kafka_mock_broker_set_down(self._cluster, number)

    def up(self) -> None:
        """Accept them again."""
        for number in range(1, self._count + 1):
            self._library.rd_kafka_mock_broker_set_up(self._cluster, number)

    def slow(self, milliseconds: int) -> None:
        """Answer so much later: what was sent is written all the same."""
        for number in range(1, self._count + 1):
            self._library.rd_kafka_mock_broker_set_rtt(self._cluster, number, milliseconds)

    def close(self) -> None:
        """End them."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


class Apart:
    """Brokers in a process of their own, which can be stopped in its tracks."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def hang(self) -> None:
        """Answer nobody; what is sent meanwhile is read afterwards."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Go on where they were."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End them."""
        self.go_on()
        self._process.communicate("\n")


if __name__ == "__main__":  # brokers for a benchmark, until a line comes in
    alone = Brokers(partitions=4)
    print(alone.url, flush=True)
    input()
    alone.close()
