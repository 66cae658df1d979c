"""The verbs of consent and of a person's rights."""

from __future__ import annotations

from limner.app.verbs.base import CUSTOMER, Argument, Verb

_CONSENT = (
    CUSTOMER,
    Argument("channel", "the channel, or * for all", is_required=True, metavar="CHANNEL"),
    Argument("proof", "who asked for it and how", is_required=True, metavar="TEXT"),
    Argument("purpose", "the purpose, or * for all", default="marketing", metavar="PURPOSE"),
)
_REASON = (
    Argument("why", "who asked for it and how", default="", metavar="TEXT"),
    Argument("lift", "lift it", "flag", default=False),
)

VERBS = (
    Verb(
        "consent show",
        "show what a customer allows at an instant, and by which statements",
        "limner.app.privacy.consents:consent_show",
        (
            CUSTOMER,
            Argument("known", "by what was heard before this instant (default: by all we know)", "instant"),
        ),
        doors=("cli", "python", "http"),
        http="GET /customers/{customer}/consents",
        takes_asof=True,
    ),
    Verb(
        "consent list",
        "list the statements of consent for an audit",
        "limner.app.privacy.consents:consent_list",
        (
            Argument("channel", "only this channel", metavar="CHANNEL"),
            Argument("purpose", "only this purpose", metavar="PURPOSE"),
            Argument("since", "only statements made from this instant on", "instant"),
            Argument("until", "only statements made before this instant", "instant"),
            Argument("limit", "how many at most", "int", default=20),
            Argument("output", "write all of them into this CSV file", "path", metavar="FILE"),
        ),
    ),
    Verb(
        "consent grant",
        "write that a customer allowed a purpose on a channel, with the proof",
        "limner.app.privacy.consents:consent_grant",
        (
            *_CONSENT,
            Argument("until", "when it ends", "instant"),
            Argument("uses", "for how many messages it is good", "int"),
        ),
    ),
    Verb(
        "consent refuse",
        "write that a customer refused a purpose on a channel, with the proof; it acts at once",
        "limner.app.privacy.consents:consent_refuse",
        (CUSTOMER, Argument("channel", "the channel (default: all)", default="*", metavar="CHANNEL"), *_CONSENT[2:]),
    ),
    Verb(
        "privacy export",
        "write everything held of a person into a folder",
        "limner.app.privacy.exporting:export",
        (CUSTOMER, Argument("output", "the folder to make", "path", is_required=True, metavar="DIR")),
    ),
    Verb(
        "privacy erase",
        "erase a person: says what would go; with --yes erases and proves it",
        "limner.app.privacy.erasing:erase",
        (
            Argument(
                "customer",
                "a customer id, or KIND:VALUE; without one an erasure that was cut off goes on",
                is_positional=True,
                metavar="CUSTOMER",
            ),
            Argument("yes", "erase; it cannot be undone", "flag", default=False),
            Argument("why", "who asked for it and how", default="", metavar="TEXT"),
        ),
    ),
    Verb(
        "privacy restrict",
        "keep a person out of audiences, decisions and models, or lift that",
        "limner.app.privacy.rights:restrict",
        (CUSTOMER, *_REASON),
    ),
    Verb(
        "privacy hold",
        "keep a person's facts from erasure and retention, or lift that",
        "limner.app.privacy.rights:hold",
        (CUSTOMER, *_REASON),
    ),
    Verb(
        "privacy retain",
        "drop what is older than the rules of retention allow: says what would go; with --yes drops it",
        "limner.app.privacy.retaining:retain",
        (Argument("yes", "drop it; it cannot be undone", "flag", default=False),),
    ),
    Verb(
        "privacy rekey",
        "give the vault a new key and wrap all its keys anew",
        "limner.app.keys:rekey",
        (Argument("to", "where the new key is: env:NAME, file:PATH or kms:NAME", metavar="PLACE"),),
    ),
)
