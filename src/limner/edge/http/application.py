"""The application: one route per verb that stands at this door, made from its row, and /health."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

import limner.edge.report  # noqa: F401 - who says a portrait in words
from limner import __version__
from limner.app.verbs import VERBS, Argument, Verb
from limner.core.errors import BadInput, LimnerError, NotFound, words
from limner.edge.errors import ours, status
from limner.edge.http.guard import Guard, Receive, Scope, Send, Terms
from limner.edge.language import asked_language
from limner.edge.plain import as_json
from limner.edge.say import say_error
from limner.edge.unexpected import unexpected

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.core.actor import Actor

UNKNOWN_PATH = words("http_path_unknown", "There is nothing at {method} {path}. Known: {known}.")
BAD_BODY = words("http_body_bad", "The request cannot be used: {why}.")

_WHOLE: Final = Annotated[int, Field(ge=0, lt=1 << 63)]
"""Numbers of loads, of merges, how many: all that the ledger can hold."""

_TYPES: Final[Mapping[str, Any]] = {
    "int": _WHOLE,
    "flag": bool,
    "rows": list[dict[str, str | int | float | bool | None]],
}
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_RULES: Final = frozenset({"rule", "rules", "base", "belief"})
"""Arguments that are rules: text, a name, or the rule as JSON."""


def verbs() -> tuple[Verb, ...]:
    """The verbs at this door."""
    return tuple(verb for verb in VERBS if "http" in verb.doors)


def application(shop: Workspace, who: Actor, terms: Terms | None = None) -> Guard:
    """The whole door over an open workspace: every request is asked as `who`, behind a guard."""
    app = FastAPI(title="Limner", version=__version__, docs_url=None, redoc_url=None)
    app.router.routes.extend([_health(shop), *(_route(verb, shop, who) for verb in verbs())])
    lang = shop.settings.workspace.locale

    async def invalid(request: Request, error: Exception) -> Response:
        why = _why(error) if isinstance(error, RequestValidationError) else str(error)
        return _said(BadInput(BAD_BODY, why=why), request.headers, lang, 422)

    async def lost(request: Request, error: Exception) -> Response:
        known = ", ".join(["GET /health", *(verb.http for verb in verbs())])
        found = NotFound(UNKNOWN_PATH, method=request.method, path=request.url.path, known=known)
        return _said(found, request.headers, lang, getattr(error, "status_code", 404))

    async def refuse(error: LimnerError, code: int, scope: Scope, receive: Receive, send: Send) -> None:
        await _said(error, Headers(scope=scope), lang, code)(scope, receive, send)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, lost)
    return Guard(app, terms or Terms(), refuse)


def routes() -> list[APIRoute]:
    """The routes of the verbs, as the table has them."""
    return [_route(verb, None, None) for verb in verbs()]


def _health(shop: Workspace) -> APIRoute:
    def health() -> Response:
        return _reply({"status": "ok", "version": __version__, "workspace": shop.settings.workspace.name})

    return APIRoute("/health", health, methods=["GET"], description="whether the front answers")


def _route(verb: Verb, shop: Workspace | None, who: Actor | None) -> APIRoute:
    """The route of a verb: path, query and body become its arguments, checked by its row.

    FastAPI reads the signature given here, and asks in its pool of threads: no answer waits for another.
    """
    method, path = verb.http.split(" ", 1)
    in_path = _IN_PATH.findall(path)
    told = _model(verb, in_path)

    def answer(request: Request, told: BaseModel, **given: str) -> Response:
        return _answer(verb, shop, who, request.headers, {**given, **dict(told)})

    keyword, positional = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    from_query = Annotated[told, Query()]  # type: ignore[valid-type]
    parameters = [
        inspect.Parameter("request", positional, annotation=Request),
        inspect.Parameter("told", positional, annotation=from_query if method == "GET" else told),
        *(inspect.Parameter(name, keyword, annotation=str) for name in in_path),
    ]
    answer.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    answer.__annotations__ = {p.name: p.annotation for p in parameters}
    return APIRoute(path, answer, methods=[method], name=verb.name, description=verb.help)


def _model(verb: Verb, in_path: list[str]) -> type[BaseModel]:
    """What a request may say besides its path; files of this machine are not to be had from elsewhere."""
    here = [argument for argument in verb.arguments if argument.kind != "path" and argument.name not in in_path]
    fields = {argument.name: _field(argument) for argument in here}
    if verb.takes_asof:
        fields["asof"] = (str | None, None)
    name = verb.name.title().replace(" ", "")
    made: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload]
    return made


def _field(argument: Argument) -> tuple[Any, Any]:
    kind: Any = Literal[argument.choices] if argument.choices else _TYPES.get(argument.kind, str)
    if argument.name in _RULES:
        kind = str | dict[str, Any]
    if argument.is_many:
        kind = list[kind]
    return (kind, ...) if argument.is_required else (kind | None, argument.default)


def _plain_rule(name: str, value: Any) -> Any:
    """A rule given as JSON, as text; everything else as it is."""
    from limner.core.rule import from_json, text

    if name in _RULES and isinstance(value, dict):
        return text(from_json(value))
    return [_plain_rule(name, one) for one in value] if isinstance(value, list) else value


def _answer(
    verb: Verb, shop: Workspace | None, who: Actor | None, headers: Mapping[str, str], arguments: dict[str, Any]
) -> Response:
    """Do a verb and say its result, or why not: this is the door, whatever comes is told in one message."""
    if shop is None or who is None:
        raise HTTPException(404)
    lang = shop.settings.workspace.locale
    try:
        asker = shop.acting(who)
        asker.declare()
        told = {name: _plain_rule(name, value) for name, value in arguments.items() if value is not None}
        return _reply(verb.function(asker, **told))
    except LimnerError as error:
        return _said(error, headers, lang)
    except Exception as error:
        known = ours(error) if isinstance(error, OSError) else None
        if known is not None:
            return _said(known, headers, lang)
        message = unexpected(error, shop.folder, asked_language(headers.get("accept-language", ""), lang))
        return _reply({"error": {"code": "unexpected", "message": message}}, 500)


def _said(error: LimnerError, headers: Mapping[str, str], lang: str, code: int | None = None) -> Response:
    spoken = asked_language(headers.get("accept-language", ""), lang)
    body = {"error": {"code": error.code, "message": say_error(error, spoken)}}
    found = _reply(body, code or status(error))
    found.headers["Content-Language"] = spoken
    if found.status_code == 401:
        found.headers["WWW-Authenticate"] = "Bearer"
    if found.status_code == 503:
        found.headers["Retry-After"] = "5"
    return found


def _reply(result: object, code: int = 200) -> Response:
    return Response(as_json(result), code, media_type="application/json", headers={"Cache-Control": "no-store"})


def _why(error: RequestValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"it is not JSON ({first['ctx']['error']}, character {first['loc'][-1]})"
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
