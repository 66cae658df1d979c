"""Every route of the door and of the collector under what its schema allows and forbids: no answer is an accident."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limner.app.intake import key_make
from limner.app.verbs import Verb
from limner.app.workspace import Workspace
from limner.edge.collector import Collector
from limner.edge.http import application
from limner.edge.http.application import verbs
from limner.edge.serving import asker
from limner.flow.sources.live.base import protocols
from small_shop import write_shop

schemathesis = pytest.importorskip("schemathesis")
pytestmark = pytest.mark.slow
KEY = "client-write-key"
QUIET = settings(
    max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = write_shop(tmp_path_factory.mktemp("schema") / "shop", 40)
    (folder / "sources" / "web.yaml").write_text("id: web\nlive: {}\n", encoding="utf-8")
    with Workspace(folder) as made:
        made.apply()
        made.collect()
        made.run("2026-09-01")
        key_make(made, "web", key=KEY)
        yield made


@pytest.fixture(scope="module")
def api(shop: Workspace) -> object:
    return schemathesis.openapi.from_asgi(
        "/openapi.json", application(shop, asker(shop)), headers={"host": "127.0.0.1"}
    )


@pytest.mark.parametrize("verb", verbs(), ids=lambda verb: verb.name)
def test_no_request_is_an_accident(api: Any, verb: Verb) -> None:
    method, path = verb.http.split(" ", 1)

    @QUIET
    @given(case=api[path][method].as_strategy())
    def hold(case: Any) -> None:
        response = case.call(headers={"host": "127.0.0.1"})
        assert response.status_code < 500 or response.status_code == 503, response.text
        if response.status_code >= 400:
            assert set(response.json()["error"]) == {"code", "message"}

    hold()


@pytest.mark.parametrize(("name", "cls"), sorted(protocols), ids=str)
def test_no_body_is_an_accident_to_the_collector(shop: Workspace, name: str, cls: type) -> None:
    collector = Collector(shop.stores, application(shop, asker(shop)))
    keyed = {"authorization": f"Bearer {KEY}", "x-write-key": KEY, "appid": KEY}

    async def ask(method: str, path: str, query: bytes, body: bytes) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=collector)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            url = f"{path.replace('*', 'x')}?token={KEY}&q={query.hex()}"
            return await client.request(method, url, headers=keyed, content=body)

    @QUIET
    @given(st.sampled_from(cls.routes), st.binary(max_size=20), st.binary(max_size=400))  # type: ignore[attr-defined]
    def hold(route: tuple[str, str], query: bytes, body: bytes) -> None:
        answer = runner.run(ask(*route, query, body))
        assert answer.status_code in (200, 401, 413), answer.text

    with asyncio.Runner() as runner:  # what is acknowledged is said in the loop of the first request
        hold()
    collector.close()
    shop.drain()
