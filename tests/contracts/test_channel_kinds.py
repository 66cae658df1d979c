"""Every channel kind under one law. A new kind is tested the moment its file exists."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from limner.core.definition import read
from limner.core.errors import BadDefinition, LimnerError
from limner.flow.channels.base import KINDS, ChannelKind, Handed, Message, Post, Rendered
from limner.flow.channels.twins import Twin

ALL = [pytest.param(name, kind, id=name) for name, kind in KINDS]


def _messages(count: int, start: int = 0) -> list[Message]:
    words = Rendered("【南枝】新款到店，回T退订", "新款到店", "<p>新款到店</p>")
    return [
        Message(f"key-{n}", f"someone{n}@example.com", words, f"c{n}", "autumn", "coupon", 1, {"name": "王"})
        for n in range(start, start + count)
    ]


def _made(kind: type[ChannelKind[Any]], twin: Twin, home: Path) -> ChannelKind[Any]:
    options = read(kind.options_type, dict(twin.options), "channels/x: options")
    return kind(options, Post("x", home, lambda: datetime(2026, 9, 1, tzinfo=UTC), twin.secrets))


def _twin(kind: type[ChannelKind[Any]], home: Path) -> Twin:
    twin = kind.twin(home)
    if twin is None:
        pytest.skip("this kind names no twin")
    return twin


async def _send(made: ChannelKind[Any], *batches: Sequence[Message]) -> list[Handed]:
    answers: list[Handed] = []
    try:
        await made.open()
        for batch in batches:
            answers += await made.deliver(batch)
    finally:
        await made.close()
    return answers


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_options_are_a_frozen_dataclass_read_from_a_mapping(name: str, kind: type[ChannelKind[Any]]) -> None:
    options = kind.options_type
    assert is_dataclass(options)
    assert options.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert all(f.name not in {"at", "from", "order", "end"} for f in fields(options))
    with pytest.raises(BadDefinition, match="has no field"):
        read(options, {"no_such_option": 1}, "channels/x.yaml")


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_each_message_arrives_once(name: str, kind: type[ChannelKind[Any]], tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        async with _twin(kind, tmp_path) as twin:
            answers = await _send(_made(kind, twin, tmp_path), _messages(20), _messages(17, start=20))
            assert sorted(a.key for a in answers) == sorted(m.key for m in _messages(37))
            assert {a.answer for a in answers} == {"taken"}
            return twin.received()

    assert sorted(asyncio.run(story())) == sorted((m.key, m.address) for m in _messages(37))


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_several_batches_may_be_under_way(name: str, kind: type[ChannelKind[Any]], tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        async with _twin(kind, tmp_path) as twin:
            made = _made(kind, twin, tmp_path)
            await made.open()
            try:
                await asyncio.gather(*(made.deliver(_messages(5, start=5 * n)) for n in range(8)))
            finally:
                await made.close()
            return twin.received()

    assert sorted(asyncio.run(story())) == sorted((m.key, m.address) for m in _messages(40))


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_message_sent_again_has_the_same_key(name: str, kind: type[ChannelKind[Any]], tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        async with _twin(kind, tmp_path) as twin:
            await _send(_made(kind, twin, tmp_path), _messages(3))
            await _send(_made(kind, twin, tmp_path), _messages(3), _messages(3))
            return twin.received()

    assert {key for key, _ in asyncio.run(story())} == {"key-0", "key-1", "key-2"}


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_one_bad_address_spoils_nothing_else(name: str, kind: type[ChannelKind[Any]], tmp_path: Path) -> None:
    good = _messages(5)
    words = good[0].rendered
    bad = [Message("bad", "reject@example.com", words), Message("slow", "later@example.com", words)]

    async def story() -> tuple[list[Handed], list[tuple[str, str]]]:
        async with _twin(kind, tmp_path) as twin:
            answers = await _send(_made(kind, twin, tmp_path), [*good[:2], *bad, *good[2:]])
            return answers, twin.received()

    answers, received = asyncio.run(story())
    said = {a.key: a.answer for a in answers}
    assert all(said[m.key] == "taken" for m in good)
    assert {m.key for m in good} <= {key for key, _ in received}
    if kind.carries != "list":  # a person works through a list: it takes every address
        assert (said["bad"], said["slow"]) == ("rejected", "later")


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_no_address_is_said_aloud(name: str, kind: type[ChannelKind[Any]], tmp_path: Path) -> None:
    secret = "reject-me-13800138000@example.com"
    message = Message("key", secret, Rendered("text", "subject", "<p>html</p>"), values={"phone": secret})

    async def story() -> list[Handed]:
        async with _twin(kind, tmp_path) as twin:
            return await _send(_made(kind, twin, tmp_path), [message])

    assert secret not in repr(message)
    assert all(secret not in repr(answer) for answer in asyncio.run(story()))


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_provider_that_is_gone_is_named_and_nothing_counts_as_sent(
    name: str, kind: type[ChannelKind[Any]], tmp_path: Path
) -> None:
    async def story() -> None:
        async with _twin(kind, tmp_path) as twin:
            made = _made(kind, twin, tmp_path)
        if kind.carries == "list":
            assert {a.answer for a in await _send(made, _messages(3))} == {"taken"}
            return
        with pytest.raises(LimnerError, match="'x'"):  # the channel's name
            await _send(made, _messages(3))

    asyncio.run(story())
