"""Decoders read whatever comes: they say what it is or why it is nothing, and never raise, hang or swell."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.flow.sources.live.base import Bad, Message, Request, protocols
from limner.flow.sources.live.bodies import MOST, Unusable, from_base64, inflated, json_of
from limner.flow.sources.live.stamps import micros, set_right

KINDS = {name: cls() for name, cls in protocols}
ROUTES = [(name, method, path) for name, cls in protocols for method, path in cls.routes]


def everything(name: str, method: str, path: str, body: bytes, query: str = "") -> list[object]:
    request = Request(method, path.replace("*", "KEY"), query, {"authorization": "Basic S0VZOg=="}, body)
    kind = KINDS[name]
    assert isinstance(kind.key(request), str)
    assert kind.answer(request).body
    return list(kind.said(request))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
words = st.sampled_from(
    [
        "batch",
        "events",
        "type",
        "event",
        "properties",
        "userId",
        "data",
        "#type",
        "#event_name",
        "track",
        "identify",
        "distinct_id",
        "identities",
        "timestamp",
        "time",
        "api_key",
        "token",
        "e",
        "ue",
        "ue_px",
        "$set",
        "products",
    ]
)
shaped = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=6) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.parametrize(("name", "method", "path"), ROUTES, ids=str)
@given(body=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode("utf-8", "replace")))
@settings(max_examples=25, deadline=None)
def test_no_body_upsets_a_protocol(name, method, path, body):
    for said in everything(name, method, path, body, "data=" + base64.b64encode(body[:90]).decode()):
        assert isinstance(said, Message | Bad)


@pytest.mark.parametrize("name", sorted(KINDS))
@given(value=shaped)
@settings(max_examples=150, deadline=None)
def test_no_shape_upsets_a_protocol(name, value):
    body = json.dumps(value).encode()
    for method, path in KINDS[name].routes[:2]:
        for sent in (body, gzip.compress(body), b"data=" + base64.urlsafe_b64encode(zlib.compress(body))):
            for said in everything(name, method, path, sent):
                assert isinstance(said, Message | Bad)


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b"0" * (MOST + 1))
    assert len(bomb) < 100_000
    with pytest.raises(Unusable, match="larger than may be"):
        inflated(bomb)
    with pytest.raises(Unusable, match="larger than may be"):
        inflated(gzip.compress(gzip.compress(b"0" * (3 * MOST))))
    with pytest.raises(Unusable, match="larger than may be"):
        inflated(gzip.compress(b"0" * (MOST // 2)) * 3)


@pytest.mark.parametrize("body", [gzip.compress(b"{}" * 99, mtime=0)[:-9], b"\x1f\x8bjunk", b"\x78\x9cjunk"])
def test_packing_that_is_broken_is_said(body):
    with pytest.raises(Unusable, match="packing"):
        inflated(body)


@pytest.mark.parametrize("depth", [100, 5_000, 200_000])
def test_depth_does_not_end_the_process(depth):
    body = b'{"batch":[{"type":"track","event":"A","properties":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}]}"
    said = everything("segment", "POST", "/v1/batch", body)
    assert len(said) == 1


def test_json_that_is_nearly_json():
    assert json_of(b'{"a":NaN}') == {"a": None}
    assert json_of(b"\xef\xbb\xbf[1]") == [1]
    assert json_of(b'"\xff"') == "�"
    assert json_of(b'{"a":"\\ud800"}')["a"] in ("\ud800", "�")
    with pytest.raises(Unusable):
        json_of(b"{")


@given(st.binary(max_size=60))
def test_base64_in_either_alphabet(data):
    for text in (base64.b64encode(data), base64.urlsafe_b64encode(data), base64.b64encode(data).rstrip(b"=")):
        assert from_base64(text.decode()) == data


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        ("2026-11-22T10:00:00.123Z", 1795341600123000),
        ("2026-11-22T18:00:00.123+08:00", 1795341600123000),
        (1795341600123, 1795341600123000),
        (1795341600.123, 1795341600123000),
        ("1795341600123", 1795341600123000),
        (None, None),
        ("", None),
        ("yesterday", None),
        (True, None),
        (float("nan"), None),
        (-5, None),
        (1e30, None),
        ([], None),
    ],
)
def test_stamps(stamp, wanted):
    assert micros(stamp) == wanted


@given(st.integers(0, 4 * 10**15), st.integers(0, 4 * 10**15), st.integers(10**15, 2 * 10**15))
def test_a_moment_lies_between_the_beginning_and_its_arrival(happened, sent, received):
    at, _ = set_right(happened, sent, received)
    assert 946_684_800_000_000 <= at <= received


def test_a_wrong_clock_is_set_right():
    received = 1_795_341_600_000_000
    late = received - 3_600_000_000
    assert set_right(late - 86_400_000_000 * 365 * 3, received - 86_400_000_000 * 365 * 3, received) == (late, False)
    for year_1970_or_2099 in (1_000_000, 4_070_908_800_000_000):
        assert set_right(year_1970_or_2099, None, received) == (received, True)
