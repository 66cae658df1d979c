"""The verbs that say who is one customer."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

_EVERYWHERE = ("cli", "python", "http")

VERBS = (
    Verb(
        "identity match",
        "compare customers by what they state; pairs that are probably one person wait for review",
        "limner.app.matching:match",
        (Argument("name", "the matching (default: all of them)", is_positional=True, metavar="MATCHING"),),
        takes_asof=True,
    ),
    Verb(
        "identity review",
        "list the pairs that wait for a decision, the most probable first",
        "limner.app.matching:review",
        (
            Argument(
                "state",
                "pairs in this state",
                "choice",
                default="proposed",
                choices=("proposed", "accepted", "rejected", "lapsed"),
            ),
            Argument("limit", "how many at most", "int", default=20),
        ),
        doors=_EVERYWHERE,
        http="GET /identity/review",
    ),
    Verb(
        "identity explain",
        "say why somebody is one customer: identifiers, records, cuts, former numbers",
        "limner.app.identity:explain",
        (one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),),
        doors=_EVERYWHERE,
        http="GET /customers/{customer}/identity",
        takes_asof=True,
    ),
    Verb(
        "identity split",
        "state that identifiers are not this customer's; the next run parts them",
        "limner.app.identity:split",
        (
            one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),
            Argument(
                "apart",
                "an identifier that goes: KIND#NUMBER as explain shows it, or KIND:VALUE",
                is_many=True,
                is_required=True,
                metavar="IDENTIFIER",
            ),
            Argument("reason", "why; stands in the audit", metavar="TEXT"),
        ),
        doors=_EVERYWHERE,
        http="POST /customers/{customer}/identity/split",
    ),
    Verb(
        "identity undo",
        "take back a merge or a parting; the next run shows it",
        "limner.app.identity:undo",
        (one("seq", "the number of the merge or parting", "int", metavar="SEQ"),),
        doors=_EVERYWHERE,
        http="POST /identity/undo",
    ),
    Verb(
        "identity merges",
        "list merges and partings, newest first",
        "limner.app.identity:merges",
        (Argument("limit", "how many at most", "int", default=20),),
        doors=_EVERYWHERE,
        http="GET /identity/merges",
    ),
    Verb(
        "identity accept",
        "say that pairs are one person each; the next run joins them",
        "limner.app.matching:accept",
        (one("seqs", "the numbers of the pairs", "int", is_many=True, metavar="SEQ"),),
        doors=_EVERYWHERE,
        http="POST /identity/accept",
    ),
    Verb(
        "identity reject",
        "say that pairs are two persons each; takes an acceptance back",
        "limner.app.matching:reject",
        (one("seqs", "the numbers of the pairs", "int", is_many=True, metavar="SEQ"),),
        doors=_EVERYWHERE,
        http="POST /identity/reject",
    ),
)
