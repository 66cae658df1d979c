"""The topic as a stream: what is written is there or on the disk, once, whatever happens to the brokers."""

from __future__ import annotations

import os
import time

import pytest

from brokers import TOPIC, Apart, Brokers
from limner.core.errors import BadDefinition, Broken
from limner.store.ledger import Ledger
from limner.store.stream import Envelope, Segments
from limner.store.stream.envelope import packed
from limner.store.stream.kafka import Topic, place_of, spool
from limner.store.stream.kafka.line import Line
from limner.store.stream.kafka.seal import OVER, Opener, Sealer
from limner.store.vault import Vault

KEY = b"s" * 32
PHONE = b"13812349876"


def said(turn: int, body: bytes = b"{}") -> bytes:
    return packed(Envelope(turn, "web", "own", "POST /collect", "agent", "10.0.0.1", body))


class Shore:
    """A topic, its ledger and its spool; streams and writers over them."""

    def __init__(self, folder, brokers):
        self.brokers, self.ledger = brokers, Ledger.at(folder / "ledger.db")
        self.vault = Vault(folder / "vault.db", b"k" * 32)
        self.folder = folder / "spool"
        self.place = place_of(brokers.url, lambda place: place)

    def stream(self, key=KEY):
        return Topic(self.place, key, self.ledger, self.vault, Segments(self.folder, self.vault))

    def drained(self, stream=None):
        """Everything that waits, noted as drained: the moments at which it was received."""
        stream, found = stream or self.stream(), []
        while (waiting := stream.waiting(1 << 20)).segments:
            for segment in waiting.segments:
                found += [one.received_at for one in stream.read(segment)]
            with self.ledger.write() as connection:
                stream.passed(connection, waiting.segments)
            stream.drained(waiting.segments)
        return found

    def spooled(self):
        return list(self.folder.rglob("*.closed")) + list(self.folder.rglob("*.open"))

    def until(self, is_so, seconds=20.0):
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it does not come to pass"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def many():
    """One cluster for tests that take nothing down; each has a topic of its own."""
    brokers = Brokers()
    yield brokers
    brokers.close()


@pytest.fixture
def brokers():
    own = Brokers()
    yield own
    own.close()


@pytest.fixture
def shore(tmp_path, many, request):
    topic = f"t{abs(hash(request.node.name)) % 10**9}"
    many.make(topic, 3)
    found = Shore(tmp_path, many)
    found.place = place_of(f"kafka://{many.servers}/{topic}", lambda place: place)
    return found


@pytest.fixture
def wild(tmp_path, brokers, monkeypatch):
    """A shore whose brokers go down and come back."""
    monkeypatch.setattr(spool, "SETTLE", 0.2)
    return Shore(tmp_path, brokers)


def test_what_is_written_is_drained_once_by_whoever_comes(shore):
    writer, stream = shore.stream().writer(), shore.stream()
    writer.write([said(turn) for turn in range(1, 200)])
    assert stream.has_work()
    assert sorted(shore.drained(stream)) == list(range(1, 200))
    assert not stream.has_work()
    assert shore.drained() == []
    writer.write([said(200)])
    assert shore.drained() == [200]
    assert sorted(one.received_at for one in shore.stream().recent()) == list(range(1, 201))
    assert shore.spooled() == []
    writer.close()


def test_a_stretch_is_the_same_when_it_is_read_again(shore):
    writer = shore.stream().writer()
    writer.write([said(turn, os.urandom(3000)) for turn in range(500)])
    writer.close()
    stream = shore.stream()
    first = stream.waiting(400_000)
    assert first.left
    once = [[one.received_at for one in stream.read(segment)] for segment in first.segments]
    again = [[one.received_at for one in shore.stream().read(segment)] for segment in first.segments]
    assert once == again
    assert 100 < sum(map(len, once)) < 200
    assert sorted(shore.drained()) == list(range(500))


def test_what_was_read_and_not_noted_comes_again(shore):
    writer = shore.stream().writer()
    writer.write([said(1), said(2)])
    writer.close()
    killed = shore.stream()
    assert sum(len(list(killed.read(one))) for one in killed.waiting(1 << 20).segments) == 2
    killed.drained(killed.waiting(1 << 20).segments)  # what the brokers were told counts for nothing
    assert sorted(shore.drained()) == [1, 2]


def test_offsets_never_go_back(shore):
    writer = shore.stream().writer()
    writer.write([said(turn) for turn in range(30)])
    writer.close()
    stream = shore.stream()
    (segment, *_) = stream.waiting(1 << 20).segments
    shore.drained()
    with shore.ledger.write() as connection:
        stream.passed(connection, [segment])
    assert shore.drained() == []


def test_bodies_do_not_lie_open_and_marks_tell_nothing(shore):
    writer, stream = shore.stream().writer(), shore.stream()
    writer.write([said(1, PHONE)])
    writer.close()
    (segment,) = stream.waiting(1 << 20).segments
    (message,) = stream._held[segment]
    assert PHONE not in message.value()
    assert PHONE not in message.key()
    assert len(message.value()) <= len(said(1, PHONE)) + OVER
    assert [one.body for one in stream.read(segment)] == [PHONE]


def test_another_key_stops_the_drain_and_says_so(shore):
    writer = shore.stream().writer()
    writer.write([said(1)])
    writer.close()
    with pytest.raises(Broken, match=r"Message 0 of t\d+/\d does not open"):
        shore.drained(shore.stream(b"o" * 32))
    assert list(shore.stream(b"o" * 32).recent()) == []
    assert shore.drained() == [1]


def test_seals_differ_and_marks_do_not():
    first, second = Sealer(KEY), Sealer(KEY)
    assert first.seal(said(1)) != second.seal(said(1))
    assert first.mark(said(1)) == second.mark(said(1)) != first.mark(said(2))
    assert Sealer(b"o" * 32).mark(said(1)) != first.mark(said(1))
    sealed = first.seal(said(1))
    opener = Opener(KEY)
    assert [one.received_at for one in opener.open(sealed)] == [1]
    for bad in (None, b"", b"\x01", sealed[:-1], sealed[:20] + b"\xff" + sealed[21:], b"\x02" + sealed[1:]):
        assert opener.open(bad) is None


def test_a_topic_made_anew_is_not_taken_for_the_old(shore, many):
    writer = shore.stream().writer()
    writer.write([said(turn) for turn in range(50)])
    writer.close()
    shore.drained()
    many.make("anew", 3)
    old = shore.place.topic
    shore.place = place_of(f"kafka://{many.servers}/anew", lambda place: place)
    stream = shore.stream()
    stream._part = lambda number: f"{old}/{number}"
    assert stream.has_work()
    with pytest.raises(Broken, match="made anew"):
        stream.waiting(1 << 20)


def test_what_retention_deleted_is_counted_and_the_rest_goes_on(shore, many):
    """These brokers keep five megabytes of a partition, whatever is drained."""
    topic = f"{shore.place.topic}-one"
    many.make(topic, 1)
    shore.place = place_of(f"kafka://{many.servers}/{topic}", lambda place: place)
    writer = shore.stream().writer()
    writer.write([said(1)])
    assert shore.drained() == [1]
    for turn in range(2, 14):
        writer.write([said(turn, os.urandom(900_000))])
    writer.close()
    waiting = shore.stream().waiting(1)
    found = shore.drained()
    assert waiting.gone > 3
    assert found == list(range(2 + waiting.gone, 14))
    assert shore.stream().waiting(1).gone == 0
    assert not shore.stream().has_work()


def test_a_topic_that_is_not_there_is_named(shore, many):
    shore.place = place_of(f"kafka://{many.servers}/nowhere", lambda place: place)
    with pytest.raises(Broken, match="no topic nowhere"):
        shore.stream().waiting(1)
    writer = shore.stream().writer()
    writer.write([said(1)])
    assert shore.spooled()
    writer.close()


@pytest.mark.slow
def test_brokers_away_spool_to_the_disk_and_get_it_when_they_are_back(wild):
    writer = wild.stream().writer()
    writer.write([said(1)])
    wild.brokers.down()
    writer.write([said(2), said(3)])
    for turn in range(4, 50):
        writer.write([said(turn)])
    assert wild.spooled()
    assert wild.stream().has_work()
    with pytest.raises(Broken, match="does not answer"):
        wild.stream().waiting(1)
    wild.brokers.up()
    writer.close_segment()
    wild.until(lambda: not wild.spooled())
    writer.write([said(50)])
    assert sorted(wild.drained()) == list(range(1, 51))
    assert list(wild.folder.rglob("*.tried")) == []
    writer.close()


def test_brokers_that_are_slow_get_nothing_twice(wild, monkeypatch):
    """They wrote it, and the answer came too late: it is spooled, and found in the topic before it is sent again."""
    monkeypatch.setattr("limner.store.stream.kafka.line.PATIENCE", 0.5)
    monkeypatch.setattr(Line.send, "__defaults__", (0.5,))
    writer = wild.stream().writer()
    writer.write([said(1)])
    wild.brokers.slow(1500)
    writer.write([said(2), said(3)])
    assert wild.spooled()
    wild.brokers.slow(0)
    writer.close_segment()
    wild.until(lambda: not wild.spooled())
    assert sorted(wild.drained()) == [1, 2, 3]
    writer.close()


def test_brokers_that_hang_get_everything_once(tmp_path):
    """What was sent to them while they hung may be written when they go on; it is spooled as well."""
    brokers, news = Apart(), []
    shore = Shore(tmp_path, brokers)
    writer = shore.stream().writer(told=news.append)
    writer.write([said(0)])
    brokers.hang()
    for turn in range(1, 6):
        writer.write([said(turn)])
    assert len(shore.spooled()) > 0
    brokers.go_on()
    writer.close_segment()
    shore.until(lambda: not shore.spooled() and news[-1] is None)
    writer.write([said(6)])
    assert sorted(shore.drained()) == list(range(7))
    assert [one if one is None else one.code for one in news] == ["kafka_away", None]
    writer.close()
    brokers.close()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_forwarder_killed_half_way_doubles_nothing(wild, is_there):
    """Whether the brokers had it or not when the process died, they have it once in the end."""
    wild.brokers.down()
    writer = wild.stream().writer()
    writer.write([said(turn) for turn in range(20)])
    wild.brokers.up()
    writer._over.set()
    writer._thread.join()
    writer.close_segment()
    (path,) = wild.folder.rglob("*.closed")
    line = Line(wild.place, KEY)
    line.connect()
    (segment,) = Segments(wild.folder, wild.vault).closed()
    writer._spool.mark_tried(segment, line.ends)
    if is_there:
        assert line.send([said(turn) for turn in range(12)]) == []
    os.close(writer._disk._lock)  # what a killed process leaves
    assert path.exists()
    assert sorted(wild.drained()) == list(range(20))
    assert wild.spooled() == []


def test_what_a_dead_writer_left_is_forwarded_by_the_drain(wild):
    wild.brokers.down()
    writer = wild.stream().writer()
    writer.write([said(1), said(2)])
    writer._over.set()
    writer._thread.join()
    os.close(writer._disk._file)
    os.close(writer._disk._lock)
    wild.brokers.up()
    assert sorted(wild.drained()) == [1, 2]


def test_a_disk_that_is_full_as_well_takes_nothing(wild):
    from limner.core.errors import Full

    wild.brokers.down()
    writer = wild.stream().writer(disk_free=1 << 40)
    with pytest.raises(Full, match="must stay free"):
        writer.write([said(1)])
    wild.brokers.up()
    wild.until(lambda: writer._line.is_up)
    writer.write([said(2)])
    assert wild.drained() == [2]
    writer.close()


def test_two_writers_and_two_readers_side_by_side(shore):
    writers = [shore.stream().writer() for _ in range(2)]
    for turn in range(100):
        writers[turn % 2].write([said(turn)])
    readers = [shore.stream(), shore.stream()]
    found = shore.drained(readers[0])
    writers[0].write([said(100)])
    found += shore.drained(readers[1])
    assert sorted(found) == list(range(101))
    for writer in writers:
        writer.close()


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka:///t",
        "kafka://a:9092",
        "kafka://a:9092/t/u",
        "kafka://me:pw@a:9092/t",
        "kafka://a/ü",
        "nats://a/t",
    ],
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(BadDefinition, match="names no brokers and topic") as error:
        place_of(url, lambda place: place)
    assert "pw" not in str(error.value)


def test_options_are_known_and_secrets_named():
    url = f"kafka://a:9092/{TOPIC}"
    with pytest.raises(BadDefinition, match="cannot be set here"):
        place_of(f"{url}?acks=1", lambda place: place)
    with pytest.raises(BadDefinition, match="stands there in the open"):
        place_of(f"{url}?sasl.password=hunter2", lambda place: place)
    place = place_of(f"{url}?sasl.password=env:PW&security.protocol=SASL_SSL", {"env:PW": "hunter2"}.__getitem__)
    assert place.options == {"sasl.password": "hunter2", "security.protocol": "SASL_SSL"}
    assert "hunter2" not in repr(place)
