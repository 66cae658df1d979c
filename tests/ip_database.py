"""A small database of addresses for tests."""

from __future__ import annotations

import struct


def xdb(path, entries):
    """A small database of the form of ip2region: (first, last, said) by IPv4 addresses, sorted."""
    head, vectors, texts, segments = bytearray(256), bytearray(256 * 256 * 8), bytearray(), []
    struct.pack_into("<HHIII", head, 0, 2, 1, 0, 0, 0)
    place = 256 + len(vectors)
    for first, last, said in entries:
        written = said.encode()
        segments.append((first, last, len(written), place + len(texts)))
        texts += written
    index = bytearray()
    base = place + len(texts)
    for first, last, length, where in segments:
        a, b = (bytes(int(part) for part in ip.split(".")) for ip in (first, last))
        slot = (a[0] * 256 + a[1]) * 8
        start = base + len(index)
        index += a[::-1] + b[::-1] + struct.pack("<HI", length, where)
        struct.pack_into("<II", vectors, slot, start, start)
    struct.pack_into("<II", head, 8, base, base + len(index) - 14)
    path.write_bytes(bytes(head + vectors + texts + index))
    return path
