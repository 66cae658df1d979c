"""The verbs that build the portraits and answer questions about them."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

_RULE = one("rule", "a rule, or the name of an audience", metavar="RULE-OR-NAME")

VERBS = (
    Verb(
        "run",
        "resolve, build, tag, learn and select whatever is stale",
        "limner.app.running:run",
        takes_asof=True,
    ),
    Verb(
        "audience count",
        "count an audience: identified, anonymous, reachable per channel",
        "limner.app.asking:audience_count",
        (
            _RULE,
            Argument(
                "sql",
                "print its SQL in this dialect instead",
                "choice",
                choices=("duckdb", "spark", "clickhouse", "postgres", "doris"),
            ),
            Argument("question", "a name for this question, so that it can be cancelled", metavar="NAME"),
        ),
        doors=("cli", "python", "http"),
        http="POST /audiences/count",
        takes_asof=True,
    ),
    Verb(
        "audience list",
        "list the customers of an audience",
        "limner.app.asking:audience_list",
        (
            _RULE,
            Argument("limit", "how many at most", "int", default=20),
            Argument("output", "write all of them into this CSV file", "path", metavar="FILE"),
        ),
        takes_asof=True,
    ),
    Verb(
        "audience show",
        "show an audience's rule and size",
        "limner.app.asking:audience_show",
        (_RULE,),
        takes_asof=True,
    ),
    Verb(
        "audience overlap",
        "show how audiences overlap",
        "limner.app.asking:audience_overlap",
        (one("rules", "rules or names of audiences", is_many=True, metavar="RULE-OR-NAME"),),
        takes_asof=True,
    ),
    Verb(
        "audience portrait",
        "show what sets an audience apart (TGI against a base)",
        "limner.app.portraying:audience_portrait",
        (
            _RULE,
            Argument("base", "compare with this audience (default: everybody)", metavar="RULE-OR-NAME"),
            Argument("rival", "compare with a competitor's profile: a CSV of answer shares", "path", metavar="FILE"),
            Argument("profile", "compare with a competitor's profile: rows of tag, answer, share and base", "rows"),
            Argument("belief", "test what you believe of them: rules", is_many=True, metavar="RULE"),
            Argument("cross", "cross these two columns (default: age and gender)", is_many=True, metavar="COLUMN"),
            Argument("brief", "the answers only, without the views", "flag"),
            Argument("output", "write a page into this HTML file", "path", metavar="FILE"),
            Argument("lang", "its language", "choice", choices=("zh", "en")),
        ),
        doors=("cli", "python", "http"),
        http="POST /audiences/portrait",
        takes_asof=True,
    ),
    Verb(
        "customer show",
        "show one customer",
        "limner.app.asking:customer_show",
        (one("customer", "a customer id, or KIND:VALUE such as member_no:M1", metavar="ID"),),
        doors=("cli", "python", "http"),
        http="GET /customers/{customer}",
        takes_asof=True,
    ),
    Verb(
        "lifecycle",
        "show how customers move between stages of life, and what is to be expected",
        "limner.app.lifecycles:lifecycle",
        (
            Argument("name", "a tag of kind lifecycle", is_positional=True, default="lifecycle_stage", metavar="TAG"),
            Argument("step", "days of a step", "int", default=30),
            Argument("ahead", "how many steps ahead", "int", default=3),
            Argument("seed", "the seed of the intervals", "int", default=0),
        ),
        doors=("cli", "python", "http"),
        http="GET /lifecycle",
        takes_asof=True,
    ),
)
