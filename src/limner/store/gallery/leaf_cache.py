"""The sets of leaves lately asked for, under keys of whoever asks; nothing here knows what a leaf is.

They are kept as packed bits, ready to be joined; those that have not been asked for longest are put together as roaring
bitmaps first, where that is much smaller, and go last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Protocol

from pyroaring import BitMap

from limner.store.gallery.bits import Words, count, from_bitmap, to_bitmap

_SMALL: Final = 8
"""A roaring bitmap is kept when it takes at most one byte where packed bits take so many."""
_PACKED: Final = 4
"""One byte in so many is for roaring bitmaps."""


class LeafSets(Protocol):
    """Where sets of leaves are kept."""

    def get(self, key: Hashable) -> Words | None:
        """The set of a key, when it is kept."""
        ...

    def put(self, key: Hashable, found: Words) -> None:
        """Keep a set; it is read only from now on."""
        ...

    def __len__(self) -> int: ...


class LeafCache:
    """Sets of leaves, at most `most` bytes of them; safe to share among threads.

    >>> LeafCache(1 << 20).held
    0
    """

    def __init__(self, most: int = 256 << 20) -> None:
        self._room, self._packed_room = most - most // _PACKED, most // _PACKED
        self._words: OrderedDict[Hashable, Words] = OrderedDict()
        self._packed: OrderedDict[Hashable, tuple[bytes, int]] = OrderedDict()
        self._words_held = self._packed_held = 0
        self._guard = threading.Lock()

    @property
    def held(self) -> int:
        """How many bytes are held now."""
        return self._words_held + self._packed_held

    def get(self, key: Hashable) -> Words | None:
        """The set of a key, when it is kept."""
        with self._guard:
            found = self._words.get(key)
            if found is not None:
                self._words.move_to_end(key)
                return found
            packed = self._packed.get(key)
            if packed is None:
                return None
        unpacked = from_bitmap(BitMap.deserialize(packed[0]), packed[1])
        self.put(key, unpacked)
        return unpacked

    def put(self, key: Hashable, found: Words) -> None:
        """Keep a set; those asked for longest ago go when there is no room."""
        found.setflags(write=False)
        gone: list[tuple[Hashable, Words]] = []
        with self._guard:
            if key in self._words or found.nbytes > self._room:
                return
            self._drop_packed(key)
            self._words[key] = found
            self._words_held += found.nbytes
            while self._words_held > self._room:
                old, words = self._words.popitem(last=False)
                self._words_held -= words.nbytes
                gone.append((old, words))
        for old, words in gone:
            self._pack(old, words)

    def clear(self) -> None:
        """Forget all of them."""
        with self._guard:
            self._words.clear()
            self._packed.clear()
            self._words_held = self._packed_held = 0

    def __len__(self) -> int:
        return len(self._words) + len(self._packed)

    def _pack(self, key: Hashable, words: Words) -> None:
        """Keep a set that had to go as a roaring bitmap, when that is small."""
        if count(words) * 2 * _SMALL > words.nbytes:  # two bytes a member, while they are few
            return
        body = to_bitmap(words).serialize()
        with self._guard:
            if key in self._words or key in self._packed or len(body) > self._packed_room:
                return
            self._packed[key] = (body, words.size * 64)
            self._packed_held += len(body)
            while self._packed_held > self._packed_room:
                self._packed_held -= len(self._packed.popitem(last=False)[1][0])

    def _drop_packed(self, key: Hashable) -> None:
        found = self._packed.pop(key, None)
        if found is not None:
            self._packed_held -= len(found[0])
