"""The stream: whole or not at all, sealed, one writer a part, and what a killed writer leaves."""

from __future__ import annotations

import os

import pytest

from limner.core.errors import Broken, Full
from limner.store.stream import Envelope, Segment, Segments, SegmentWriter
from limner.store.stream import writer as writing
from limner.store.stream.envelope import packed
from limner.store.vault import Vault

KEY = b"k" * 32


def said(turn: int, body: bytes = b"{}") -> bytes:
    return packed(Envelope(turn, "web", "own", "POST /collect", "agent", "10.0.0.1", body))


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "vault.db", KEY)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "stream"


def test_what_is_written_is_read_in_its_order(folder, vault):
    writer, stream = SegmentWriter(folder, vault), Segments(folder, vault)
    writer.write([said(1), said(2)])
    writer.write([said(3, b"x" * 100_000)])
    assert stream.closed() == ()
    assert [one.received_at for one in stream.recent()] == [1, 2, 3]
    writer.close_segment()
    (segment,) = stream.closed()
    assert [one.received_at for one in stream.read(segment)] == [1, 2, 3]
    stream.drained([segment])
    stream.drained([segment])
    assert stream.closed() == ()
    assert [one.received_at for one in stream.recent()] == [1, 2, 3]
    assert stream.sweep(before=0, most=0) == 1
    assert list(stream.recent()) == []


def test_bodies_do_not_lie_open(folder, vault):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1, b'{"phone":"13812349876"}')])
    writer.close()
    assert all(b"13812349876" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_another_vault_does_not_open_it(folder, vault, tmp_path):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1)])
    writer.close()
    with pytest.raises(Broken):
        stream = Segments(folder, Vault(tmp_path / "other.db", b"o" * 32))
        list(stream.read(stream.closed()[0]))


def test_a_second_writer_takes_a_part_of_its_own(folder, vault):
    first, second = SegmentWriter(folder, vault), SegmentWriter(folder, vault)
    assert first.part != second.part
    first.write([said(1)])
    second.write([said(2)])
    first.close()
    second.close()
    stream = Segments(folder, vault)
    assert {one.received_at for segment in stream.closed() for one in stream.read(segment)} == {1, 2}
    assert SegmentWriter(folder, vault).part == first.part


@pytest.mark.parametrize("cut", [1, 5, 40, 200])
def test_a_frame_cut_off_by_a_crash_was_never_acknowledged(folder, vault, cut):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1)])
    writer.write([said(2, b"y" * 300)])
    (path,) = writer.part.glob("*.open")
    os.truncate(path, path.stat().st_size - cut)
    os.close(writer._file)
    os.close(writer._lock)  # what a killed process leaves
    stream = Segments(folder, vault)
    assert stream.has_work()
    (segment,) = stream.closed()
    assert [one.received_at for one in stream.read(segment)] == [1]
    again = SegmentWriter(folder, vault)
    again.write([said(3)])
    again.close()
    assert [one.received_at for part in stream.closed() for one in stream.read(part)] == [1, 3]


def test_damage_in_a_closed_segment_is_told(folder, vault):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1)])
    writer.write([said(2)])
    writer.close()
    stream = Segments(folder, vault)
    (segment,) = stream.closed()
    path = folder / f"{segment.name}.closed"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Broken, match=r"damaged at byte \d+"):
        list(stream.read(segment))


def test_an_empty_segment_of_a_killed_writer_goes(folder, vault):
    writer = SegmentWriter(folder, vault)
    writer._begin()
    os.close(writer._file)
    os.close(writer._lock)
    stream = Segments(folder, vault)
    assert stream.closed() == ()
    assert list(folder.rglob("*.open")) == []


def test_a_full_disk_takes_nothing_and_keeps_what_was_taken(folder, vault, monkeypatch):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1)])
    real = writing._written

    def no_room(file: int, data: bytes, place: int) -> int:
        os.pwrite(file, data[: len(data) // 2], place)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_written", no_room)
    with pytest.raises(Full, match="Nothing of this request was taken"):
        writer.write([said(2)])
    monkeypatch.setattr(writing, "_written", real)
    writer.write([said(3)])
    writer.close()
    stream = Segments(folder, vault)
    assert [one.received_at for part in stream.closed() for one in stream.read(part)] == [1, 3]


def test_room_is_kept_free(folder, vault):
    writer = SegmentWriter(folder, vault, disk_free=1 << 40)
    with pytest.raises(Full, match="must stay free"):
        writer.write([said(1)])


def test_a_segment_is_closed_by_what_it_unpacks_to(folder, vault):
    writer = SegmentWriter(folder, vault)
    writer.write([said(1)], unpacked=writing.SIZE)
    assert writer.size == 0
    assert Segments(folder, vault).closed() == (Segment(writer.part.name, 1),)
