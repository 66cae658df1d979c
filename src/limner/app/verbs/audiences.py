"""The verbs of audiences: taken apart, kept, put beside one another, carried out."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

RULE = one("rule", "a rule, or the name of an audience", metavar="RULE-OR-NAME")
QUESTION = Argument("question", "a name for this question, so that it can be cancelled", metavar="NAME")
_ALL = ("cli", "python", "http")

VERBS = (
    Verb(
        "audience explain",
        "count every part of a rule",
        "limner.app.selecting:audience_explain",
        (RULE, QUESTION),
        doors=_ALL,
        http="POST /audiences/explain",
        takes_asof=True,
    ),
    Verb(
        "audience funnel",
        "show where people drop from one condition to the next",
        "limner.app.selecting:audience_funnel",
        (RULE, QUESTION),
        doors=_ALL,
        http="POST /audiences/funnel",
        takes_asof=True,
    ),
    Verb(
        "audience estimate",
        "say about how many, with an interval, from a part of the customers",
        "limner.app.selecting:audience_estimate",
        (RULE, Argument("seed", "what draws the part", "int", default=0), QUESTION),
        doors=_ALL,
        http="POST /audiences/estimate",
        takes_asof=True,
    ),
    Verb(
        "audience export",
        "write an audience into a file: a table, or hashed addresses for a platform",
        "limner.app.carrying:audience_export",
        (
            RULE,
            Argument("output", "the file to write", "path", is_required=True, metavar="FILE"),
            Argument(
                "format",
                "a table, or how a platform wants hashed addresses",
                "choice",
                default="csv",
                choices=("csv", "parquet", "google", "meta", "tiktok", "tencent", "sha256", "md5"),
            ),
            Argument("columns", "a column of the table; may be given several times", is_many=True, metavar="COLUMN"),
            Argument("channel", "only who allows this channel; its address is hashed", metavar="CHANNEL"),
            Argument("purpose", "what it is for", default="marketing", metavar="PURPOSE"),
            Argument("suppress", "whom a platform must leave out: those who do not allow it", "flag", default=False),
        ),
    ),
    Verb(
        "audience venn",
        "cut two to four audiences into all their parts",
        "limner.app.layering:audience_venn",
        (one("rules", "rules or names of audiences", is_many=True, metavar="RULE-OR-NAME"),),
        doors=_ALL,
        http="POST /audiences/venn",
        takes_asof=True,
    ),
    Verb(
        "audience layers",
        "show the layers of audiences: coverage, overlap, and the tree",
        "limner.app.layering:audience_layers",
        doors=_ALL,
        http="GET /audiences/layers",
        takes_asof=True,
    ),
    Verb(
        "audience worth",
        "show what each audience adds to a policy, less its fixed cost",
        "limner.app.layering:audience_worth",
        (
            one("rules", "rules or names of audiences, in order", is_many=True, metavar="RULE-OR-NAME"),
            Argument("values", "what an action is worth per customer; several times", is_many=True, metavar="COLUMN"),
            Argument("cost", "the fixed cost of one more audience", default="0", metavar="AMOUNT"),
            Argument("greedy", "take the audience that adds most next", "flag", default=False),
        ),
        takes_asof=True,
    ),
    Verb(
        "audiences",
        "list the saved audiences, how many each has and how fresh it is",
        "limner.app.saved:audiences",
        doors=_ALL,
        http="GET /audiences",
    ),
    Verb(
        "audience changes",
        "show who came into a saved audience and who left it",
        "limner.app.saved:audience_changes",
        (
            one("name", "the audience", metavar="NAME"),
            Argument("since", "since this asof (default: since the refresh before)", metavar="ASOF"),
            Argument("limit", "how many customers of each at most", "int", default=20),
        ),
        doors=_ALL,
        http="GET /audiences/{name}/changes",
        takes_asof=True,
    ),
    Verb(
        "audience freeze",
        "give a frozen audience the members its rule has now",
        "limner.app.saved:audience_freeze",
        (one("name", "the audience", metavar="NAME"),),
    ),
    Verb(
        "cancel",
        "call off a question that is being answered",
        "limner.app.questions:cancel",
        (one("question", "the name it was asked under", metavar="NAME"),),
        doors=("python", "http"),
        http="DELETE /questions/{question}",
    ),
)
