"""Reading ahead: the next rows are read while those in hand are worked on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], weight: Callable[[T], int], room: int) -> Generator[T, None, None]:
    """The items in their order, taken by a thread of their own until those that wait weigh `room` or more.

    An error comes after the items before it. Let go of early, the thread ends with the item it is at.

    >>> list(ahead(range(5), lambda n: n, 3))
    [0, 1, 2, 3, 4]
    """
    queue = _Queue(weight, room)
    with ThreadPoolExecutor(1, "limner-ahead") as pool:
        filled = pool.submit(queue.fill, items)
        try:
            yield from queue.taken()
            filled.result()
        finally:
            queue.stop()


class _Queue(Generic[T]):
    def __init__(self, weight: Callable[[T], int], room: int) -> None:
        self._weight, self._room = weight, room
        self._items: deque[T] = deque()
        self._load = 0
        self._is_over = False
        self._changed = threading.Condition()

    def fill(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        finally:
            if isinstance(items, Generator):
                items.close()
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        with self._changed:
            self._items.append(item)
            self._load += self._weight(item)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._load < self._room or self._is_over)
            return not self._is_over

    def taken(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_over)
                if not self._items:
                    break
                item = self._items.popleft()
                self._load -= self._weight(item)
                self._changed.notify_all()
            yield item

    def stop(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
