"""The verbs of a campaign: plan, launch, measure, report."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

VERBS = (
    Verb(
        "plan",
        "decide a campaign and store it as a plan; nothing is sent",
        "limner.app.planning:plan",
        (one("campaign", "the campaign", metavar="CAMPAIGN"),),
        takes_asof=True,
    ),
    Verb(
        "launch",
        "send a plan: each touch once, what is due now",
        "limner.app.launching:launch",
        (one("plan_id", "the id of the plan", "int", metavar="PLAN"),),
    ),
    Verb(
        "explain",
        "say why a plan decided as it did for one customer",
        "limner.app.planning:explain",
        (
            one("plan_id", "the id of the plan", "int", metavar="PLAN"),
            one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),
        ),
    ),
    Verb(
        "measure",
        "measure a campaign against its hold-out",
        "limner.app.measuring:measure",
        (one("campaign", "the campaign", metavar="CAMPAIGN"),),
        takes_asof=True,
    ),
    Verb(
        "report",
        "write the report: one HTML file",
        "limner.app.reporting:report",
        (
            Argument("output", "the file to write", "path", is_required=True, metavar="FILE"),
            Argument("lang", "its language", "choice", choices=("zh", "en")),
        ),
        takes_asof=True,
    ),
)
