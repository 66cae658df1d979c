"""Thrift's compact protocol, as far as the footers of Parquet files need it: structs read, changed and written again.

A struct is a mapping of field number to (type, value); a list is (type of its elements, values). Fields nobody here
knows are kept as they are. The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any, Final

from limner.core.errors import Broken, words

UNREADABLE = words("thrift_unreadable", "What should be a file's footer cannot be read: {why}.")

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, TEXT, LIST, SET, MAP, STRUCT, UUID = range(1, 14)

Struct = dict[int, tuple[int, Any]]

_DEEP: Final = 32
"""Structs and lists inside one another; a Parquet footer has seven."""
_LONG: Final = 15
"""A list with so many elements or more states their number on its own; so does a field that many numbers on."""


class _Reader:
    """Reads values one after the other."""

    def __init__(self, body: bytes) -> None:
        self.body, self.place = body, 0

    def byte(self) -> int:
        self.place += 1
        return self.body[self.place - 1]

    def many(self, count: int) -> bytes:
        self.place += count
        if self.place > len(self.body):
            raise IndexError
        return self.body[self.place - count : self.place]

    def varint(self) -> int:
        found = shift = 0
        while True:
            byte = self.byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7

    def zigzag(self) -> int:
        found = self.varint()
        return (found >> 1) ^ -(found & 1)

    def value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # inside a list yes and no are bytes, too
                return self.byte()
            case 4 | 5 | 6:
                return self.zigzag()
            case 7:
                return self.many(8)
            case 8:
                return self.many(self.varint())
            case 9 | 10:
                return self.sequence(depth + 1)
            case 11:
                return self.mapping(depth + 1)
            case 12:
                return self.struct(depth + 1)
            case 13:
                return self.many(16)
        raise ValueError(f"there is no type {kind}")

    def sequence(self, depth: int) -> tuple[int, list[Any]]:
        head = self.byte()
        count = head >> 4 if head >> 4 < _LONG else self.varint()
        return head & 0xF, [self.value(head & 0xF, depth) for _ in range(count)]

    def mapping(self, depth: int) -> tuple[int, list[tuple[Any, Any]]]:
        count = self.varint()
        kinds = self.byte() if count else 0
        return kinds, [(self.value(kinds >> 4, depth), self.value(kinds & 0xF, depth)) for _ in range(count)]

    def struct(self, depth: int = 0) -> Struct:
        if depth > _DEEP:
            raise ValueError(f"more than {_DEEP} structs inside one another")
        found: Struct = {}
        number = 0
        while head := self.byte():
            kind = head & 0xF
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            found[number] = kind, None if kind in (TRUE, FALSE) else self.value(kind, depth)
        return found


def read(body: bytes) -> Struct:
    """The struct bytes begin with; Broken when they are none."""
    try:
        return _Reader(body).struct()
    except (IndexError, ValueError) as error:
        raise Broken(UNREADABLE, why=str(error) or "it ends too early") from error


def written(struct: Struct) -> bytes:
    """A struct as bytes.

    >>> body = written({1: (I32, 300), 4: (LIST, (TEXT, [b"a", b"b"])), 5: (TRUE, None)})
    >>> body.hex(), read(body)[1]
    ('15d8043928016101621100', (5, 300))
    """
    out = bytearray()
    _struct(out, struct)
    return bytes(out)


def _struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, (kind, value) in sorted(struct.items()):
        step = number - before
        if 0 < step <= _LONG:
            out.append(step << 4 | kind)
        else:
            out.append(kind)
            _zigzag(out, number)
        before = number
        if kind not in (TRUE, FALSE):
            _value(out, kind, value)
    out.append(0)


def _value(out: bytearray, kind: int, value: Any) -> None:
    match kind:
        case 1 | 2 | 3:
            out.append(value)
        case 4 | 5 | 6:
            _zigzag(out, value)
        case 7 | 13:
            out += value
        case 8:
            _varint(out, len(value))
            out += value
        case 9 | 10:
            inner, values = value
            out.append(min(len(values), _LONG) << 4 | inner)
            if len(values) >= _LONG:
                _varint(out, len(values))
            for one in values:
                _value(out, inner, one)
        case 11:
            kinds, pairs = value
            _varint(out, len(pairs))
            if pairs:
                out.append(kinds)
            for key, one in pairs:
                _value(out, kinds >> 4, key)
                _value(out, kinds & 0xF, one)
        case 12:
            _struct(out, value)


def _varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _zigzag(out: bytearray, value: int) -> None:
    _varint(out, value << 1 if value >= 0 else (-value << 1) - 1)
