"""The HTTP door: the verbs' answers, one shape of error, and who is let in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from limner.app.workspace import Workspace
from limner.core import errors
from limner.core.actor import Actor
from limner.core.errors import LimnerError
from limner.edge.errors import exit_code, status
from limner.edge.http import application
from limner.edge.http.guard import Terms
from small_shop import built_shop

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace(built_shop(tmp_path_factory.mktemp("http") / "shop")) as found:
        yield found


def ask(shop: Workspace, method: str, path: str, *, terms: Terms | None = None, roles: str = "", **more: Any) -> Any:
    """One request to the door, through ASGI."""

    async def once() -> httpx2.Response:
        door = application(shop, Actor("http", frozenset(roles.split())), terms or Terms())
        transport = httpx2.ASGITransport(app=door)  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


def code(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    return answer.status_code, body["error"]["code"]


def test_health_says_that_it_answers(shop: Workspace) -> None:
    assert ask(shop, "GET", "/health").json()["status"] == "ok"


@pytest.mark.parametrize("rule", ["orders >= 2", "订单数 >= 2", {"tag": "orders", "op": ">=", "value": 2}])
def test_a_count_is_the_verbs_own(shop: Workspace, rule: object) -> None:
    answer = ask(shop, "POST", "/audiences/count", json={"rule": rule, "asof": "2026-09-01"})
    assert answer.status_code == 200
    assert answer.json()["count"] == shop.audience("orders >= 2").count().count == 30  # type: ignore[union-attr]
    assert {"asof", "elapsed_ms", "identified", "anonymous", "reachable"} <= answer.json().keys()


def test_a_customer_without_address_and_without_personal_columns(shop: Workspace) -> None:
    answer = ask(shop, "GET", "/customers/member_no:M7")
    assert answer.status_code == 200
    assert answer.json()["traits"]["city"] == "杭州"
    assert "王7" not in answer.text
    assert "example.com" not in answer.text
    assert "13800000007" not in answer.text
    assert ask(shop, "GET", "/customers/member_no:M7", roles="personal").json()["traits"]["full_name"] == "王7"


def test_a_customer_by_id(shop: Workspace) -> None:
    found = ask(shop, "GET", "/customers/member_no:M7").json()
    again = ask(shop, "GET", f"/customers/{found['customer_id']}?asof=2026-09-01").json()
    assert again == found


COUNT = "/audiences/count"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "more", "wanted"),
    [
        ("POST", COUNT, {"json": {"rule": "ordres > 1"}}, (422, "rule_tag_unknown")),
        ("POST", COUNT, {"json": {"rule": "orders >"}}, (422, None)),
        ("POST", COUNT, {"json": {"rule": {"tag": "orders"}}}, (422, "rule_json_bad")),
        ("POST", COUNT, {"json": {"rule": "orders > 1", "asof": "soon"}}, (400, "bad_instant")),
        ("POST", COUNT, {"json": {"rule": "orders > 1", "asof": "2020-01-01"}}, (404, "portrait_missing_asof")),
        ("POST", COUNT, {"json": {"rul": "orders > 1"}}, (422, "http_body_bad")),
        ("POST", COUNT, {"json": ["orders > 1"]}, (422, "http_body_bad")),
        ("POST", COUNT, {"content": b"{", "headers": JSON}, (422, "http_body_bad")),
        ("POST", COUNT, {"content": b"rule=orders"}, (415, "http_body_not_json")),
        ("POST", COUNT, {"content": b" " * 2_000_000}, (413, "http_body_too_large")),
        ("GET", "/customers/member_no:M999", {}, (404, "customer_unknown")),
        ("GET", "/customers/member_no:M7?sql=x", {}, (422, "http_body_bad")),
        ("GET", "/nowhere", {}, (404, "http_path_unknown")),
        ("DELETE", "/customers/member_no:M7", {}, (405, "http_path_unknown")),
        ("GET", COUNT, {}, (405, "http_path_unknown")),
    ],
)  # fmt: skip
def test_every_mistake_has_one_shape(
    shop: Workspace, method: str, path: str, more: dict[str, Any], wanted: tuple[int, str | None]
) -> None:
    if method == "DELETE":
        more = {"headers": JSON}
    found = code(ask(shop, method, path, **more))
    assert found == (wanted[0], wanted[1] or found[1])


def test_a_body_in_pieces_is_counted_as_it_comes(shop: Workspace) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 50_000

    headers = {"Content-Type": "application/json"}
    assert code(ask(shop, "POST", "/audiences/count", content=pieces(), headers=headers)) == (
        413,
        "http_body_too_large",
    )


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"Host": "evil.example"}, (421, "http_host_unknown")),
        ({"Host": "127.0.0.1.evil.example:8420"}, (421, "http_host_unknown")),
        ({"Host": ""}, (421, "http_host_unknown")),
        ({"Origin": "https://evil.example"}, (403, "http_origin_unknown")),
        ({"Origin": "null"}, (403, "http_origin_unknown")),
    ],
)
def test_other_sites_are_kept_out(shop: Workspace, headers: dict[str, str], wanted: tuple[int, str]) -> None:
    assert code(ask(shop, "GET", "/health", headers=headers)) == wanted


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420", "LOCALHOST"])
def test_this_machine_is_let_in(shop: Workspace, host: str) -> None:
    assert ask(shop, "GET", "/health", headers={"Host": host}).status_code == 200


def test_a_token_is_asked_for_where_there_is_one(shop: Workspace) -> None:
    terms = Terms(token=TOKEN)
    path = "/customers/member_no:M7"
    assert ask(shop, "GET", "/health", terms=terms).status_code == 200
    for given in (
        {},
        {"Authorization": "Bearer nope"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer é"},
    ):
        encoded = {name: text.encode("latin-1") for name, text in given.items()}
        answer = ask(shop, "GET", path, terms=terms, headers=encoded)
        assert code(answer) == (401, "http_token_wrong")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ask(shop, "GET", path, terms=terms, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_errors_are_said_in_the_language_asked_for(shop: Workspace) -> None:
    for asked, spoken in (("zh-CN,zh;q=0.9,en;q=0.5", "zh"), ("en", "en"), ("fr", "en")):
        answer = ask(shop, "GET", "/customers/x", headers={"Accept-Language": asked})
        assert answer.headers["Content-Language"] == spoken


def test_what_nobody_foresaw_shows_no_traceback(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.delenv("LIMNER_DEBUG", raising=False)
    monkeypatch.setattr("limner.app.asking.customer_show", broken)
    answer = ask(shop, "GET", "/customers/x")
    assert code(answer) == (500, "unexpected")
    assert "Traceback" not in answer.text


def test_every_class_of_error_has_a_status_and_an_exit_code() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, LimnerError)]
    made = [c(errors.Words("example")) for c in classes if c is not LimnerError]
    assert [e for e in made if not 400 <= status(e) <= 599 or status(e) == 500 or exit_code(e) != 1] == []
    assert len({status(e) for e in made}) == len(made)


def test_identity_is_asked_by_anybody_and_changed_by_a_role(shop: Workspace) -> None:
    found = ask(shop, "GET", "/customers/member_no:M9/identity").json()
    assert {one["kind"] for one in found["identifiers"]} == {"member_no", "phone", "email"}
    assert ask(shop, "GET", "/identity/merges").json() == []
    assert ask(shop, "GET", "/identity/review?state=accepted&limit=5").json()["pairs"] == []
    path, body = "/customers/member_no:M9/identity/split", {"apart": ["email:m9@example.com"], "reason": "a sister's"}
    for asked, told in ((path, body), ("/identity/undo", {"seq": 1}), ("/identity/accept", {"seqs": [1]}),
                        ("/identity/reject", {"seqs": [1]})):  # fmt: skip
        assert code(ask(shop, "POST", asked, json=told)) == (403, "identity_role_missing")
    split = ask(shop, "POST", path, json=body, roles="identity").json()
    assert [one.partition("#")[0] for one in split["apart"]] == ["email"]
    undone = ask(shop, "POST", "/identity/undo", json={"seq": split["seq"]}, roles="identity").json()
    assert undone["change"]["reason"] == "a sister's"
    assert code(ask(shop, "POST", "/identity/undo", json={"seq": split["seq"]}, roles="identity"))[0] == 409
    assert code(ask(shop, "POST", "/identity/accept", json={"seqs": [7]}, roles="identity"))[0] == 404


def test_a_portrait_with_its_text_and_no_files(shop: Workspace) -> None:
    body = {"rule": "orders >= 2", "belief": ["orders >= 3"], "lang": "zh", "brief": True}
    answer = ask(shop, "POST", "/audiences/portrait", json=body)
    assert answer.status_code == 200
    assert answer.json()["beliefs"][0]["verdict"]
    assert any("TGI" in sentence or "位客户" in sentence for sentence in answer.json()["text"])
    rows = [{"tag": "城市", "answer": "上海", "share": 0.2, "base": 500}, {"标签": "x"}]
    found = ask(shop, "POST", "/audiences/portrait", json={"rule": "orders >= 1", "profile": rows[:1]}).json()
    assert (found["is_rival"], found["traits"][0]["base"]) == (True, 100)
    for wrong in (rows, [{**rows[0], "share": "120%"}], [{**rows[0], "base": 10**400}], [], "城市"):
        refused = ask(shop, "POST", "/audiences/portrait", json={"rule": "orders >= 1", "profile": wrong})
        assert refused.status_code in (400, 422), refused.json()
    for number in ("nan", "inf", "1e99999999", 10**30):
        row = {"tag": "orders", "answer": number, "share": 0.2, "base": 5}
        refused = ask(shop, "POST", "/audiences/portrait", json={"rule": "orders >= 1", "profile": [row]})
        assert code(refused) == (400, "rival_answer_bad")
    for name in ("output", "rival"):
        refused = ask(shop, "POST", "/audiences/portrait", json={"rule": "orders >= 2", name: "x.html"})
        assert code(refused) == (422, "http_body_bad")
