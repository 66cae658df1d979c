"""The verbs that play, serve and time."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

VERBS = (
    Verb(
        "demo",
        "play the whole circle on the simulated market, or on the Online Retail file",
        "limner.edge.demo:demo",
        (
            Argument("folder", "where to play (default: ./demo)", "path", metavar="DIR"),
            Argument("data", "the Online Retail file", "path", metavar="FILE"),
            Argument("customers", "how many members", "int", default=200_000),
            Argument("seed", "the seed of the market", "int", default=7),
            Argument("lang", "the language of the report", "choice", choices=("zh", "en")),
        ),
        doors=("cli",),
        needs_workspace=False,
    ),
    Verb(
        "serve",
        "answer over HTTP, and send what falls due",
        "limner.edge.serving:serve",
        (
            Argument("host", "the address to listen on", default="127.0.0.1"),
            Argument("port", "the port to listen on", "int", default=8420),
            Argument(
                "only",
                "collector: take what clients send and do nothing else; any number may run",
                "choice",
                choices=("collector",),
            ),
            Argument("access_log", "write a line per question, with addresses masked", "flag", default=False),
        ),
        doors=("cli",),
    ),
    Verb(
        "bench",
        "run a benchmark of the checkout's bench/ folder",
        "limner.app.benching:bench",
        (one("name", "the benchmark", metavar="NAME"),),
        doors=("cli",),
        needs_workspace=False,
    ),
)
