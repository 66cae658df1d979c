"""Reading ahead: the order of the items, no more of them than may wait, and an end in every case."""

from __future__ import annotations

import threading
import time

import pytest

from limner.flow.sources.ahead import ahead


def threads() -> int:
    return sum(t.name == "limner-ahead" for t in threading.enumerate())


def test_the_items_come_in_their_order_and_no_more_wait_than_may():
    taken = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    found = ahead(items(), lambda _: 1, 3)
    assert next(found) == 0
    time.sleep(0.1)
    assert len(taken) <= 5
    assert list(found) == list(range(1, 20))
    assert threads() == 0


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise KeyError("three")

    found = ahead(items(), lambda _: 1, 10)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(found)
    assert threads() == 0


def test_let_go_of_early_it_ends():
    closed = []

    def items():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    found = ahead(items(), lambda _: 1, 2)
    assert next(found) == 1
    found.close()
    assert threads() == 0
    assert closed == [True]
