"""The verbs that show how learned audiences were made."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

_AUDIENCE = one("audience", "the audience", metavar="NAME")

VERBS = (
    Verb(
        "audience clusters",
        "show all clusters an audience is one of: sizes, centres, stability",
        "limner.app.selectors:audience_clusters",
        (_AUDIENCE,),
        takes_asof=True,
    ),
    Verb(
        "audience lookalike",
        "show how look-alikes were chosen: what they were learned from, likeness by reach",
        "limner.app.selectors:audience_lookalike",
        (_AUDIENCE,),
        takes_asof=True,
    ),
    Verb(
        "pairings",
        "show what is bought together: items, and another that goes with them",
        "limner.app.selectors:pairings",
        (
            Argument("basket", "what a basket is: order, customer, or days such as 30d", default="order"),
            Argument("within", "how far back orders are looked at", default="365d"),
            Argument("level", "what is bought", "choice", choices=("item", "category"), default="item"),
            Argument("support", "the least share of baskets", default="0.001"),
            Argument("confidence", "the least share of the items' baskets", default="0.1"),
            Argument("lift", "how many times more often than by chance at least", default="1.2"),
            Argument("most", "how many items a pairing has at most", "int", default=3),
            Argument("limit", "how many are told at most", "int", default=50),
        ),
        takes_asof=True,
    ),
)
