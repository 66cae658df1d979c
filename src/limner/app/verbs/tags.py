"""The verbs of tags: looked at, published, retired."""

from __future__ import annotations

from limner.app.verbs.base import CUSTOMER, Argument, Verb, one

_NAME = one("name", "the tag", metavar="NAME")
_WHY = Argument("why", "why; it is kept", default="", metavar="TEXT")
_EVERYWHERE = ("cli", "python", "http")

VERBS = (
    Verb(
        "tags",
        "list the tags: state, coverage, drift, use and quality",
        "limner.app.tags.pages:tags",
        (
            Argument("kind", "tags of this kind", default="", metavar="KIND"),
            Argument(
                "state", "tags in this state", "choice", default="", choices=("", "draft", "published", "retired")
            ),
            Argument("owner", "tags of this owner", default="", metavar="NAME"),
            Argument("under", "tags at or below this path", default="", metavar="PATH"),
            Argument("unused", "tags nothing uses", "flag", default=False),
        ),
        doors=_EVERYWHERE,
        http="GET /tags",
    ),
    Verb(
        "tag show",
        "show a tag: its values, lineage and SQL",
        "limner.app.asking:tag",
        (
            _NAME,
            Argument(
                "sql",
                "print its SQL in this dialect",
                "choice",
                choices=("duckdb", "spark", "clickhouse", "postgres", "doris"),
            ),
        ),
        doors=_EVERYWHERE,
        http="GET /tags/{name}",
        takes_asof=True,
        is_usual=True,
    ),
    Verb(
        "tag publish",
        "publish a tag, or approve what has changed of it",
        "limner.app.tags.acts:tag_publish",
        (_NAME, _WHY),
        doors=_EVERYWHERE,
        http="POST /tags/{name}/publish",
    ),
    Verb(
        "tag retire",
        "take a tag out of use; refused while something uses it",
        "limner.app.tags.acts:tag_retire",
        (_NAME, _WHY),
        doors=_EVERYWHERE,
        http="POST /tags/{name}/retire",
    ),
    Verb(
        "tag undo",
        "take back what was last published or retired of a tag",
        "limner.app.tags.acts:tag_undo",
        (_NAME,),
        doors=_EVERYWHERE,
        http="POST /tags/{name}/undo",
    ),
    Verb(
        "why",
        "say why a customer has a tag, a trait or a score",
        "limner.app.tags.why:why",
        (
            one("tag", "the tag, trait or model", metavar="TAG"),
            CUSTOMER,
            Argument("limit", "how many rows at most", "int", default=20),
        ),
        doors=_EVERYWHERE,
        http="GET /customers/{customer}/why/{tag}",
        takes_asof=True,
    ),
)
