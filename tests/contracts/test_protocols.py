"""What every protocol must be: its paths its own, its names ours, its answers readable."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from limner.flow.sources.live.base import Request, protocols
from limner.flow.sources.names import names

KINDS = sorted(protocols)


def test_no_path_belongs_to_two() -> None:
    paths = Counter(route for _, cls in KINDS for route in cls.routes)
    assert [route for route, count in paths.items() if count > 1] == []


@pytest.mark.parametrize(("name", "cls"), KINDS, ids=str)
def test_a_protocol(name: str, cls: type) -> None:
    kind = cls()
    assert cls.__doc__
    assert all(method in ("GET", "POST") and path.startswith("/") for method, path in cls.routes)
    method, path = cls.routes[0]
    request = Request(method, path, "", {}, b"{}")
    assert kind.key(request) == "", "without a key nobody may write"
    assert list(kind.said(Request(method, path, "", {}, b""))) is not None
    answer = kind.answer(request)
    if answer.type == "application/json":
        json.loads(answer.body)


@pytest.mark.parametrize(("name", "cls"), KINDS, ids=str)
def test_names_of_messages_of_ours_are_not_given_away(name: str, cls: type) -> None:
    ours = {known for known in names() if known.startswith("Message ")}
    assert not ours & set(cls.names.values())
