"""The verbs by which rows come in, are judged, and are taken out again."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

_LOAD = one("load", "the number of the load", "int", metavar="LOAD")
_WHY = Argument("why", "why; it is kept in the audit", is_required=True, metavar="TEXT")

VERBS = (
    Verb(
        "collect",
        "take in the files of a source, or of all sources",
        "limner.app.collecting:collect",
        (
            Argument("source", "the source (default: all of them)", is_positional=True, metavar="SOURCE"),
            Argument("file", "these files instead of the source's own path", "path", is_many=True, metavar="FILE"),
            Argument("replaces", "the load these files take the place of", "int", metavar="LOAD"),
            Argument("history", "these rows are history: they start nothing, whatever the source says", "flag"),
            Argument("live", "these rows are new: they may start journeys, whatever the source says", "flag"),
        ),
    ),
    Verb(
        "watch",
        "take in what comes into watched sources, until told to stop",
        "limner.edge.watcher:watch",
        (Argument("source", "only this source, watched or not", is_positional=True, metavar="SOURCE"),),
        doors=("cli",),
    ),
    Verb(
        "drain",
        "bring what clients sent live into the lake now; a running server does it by itself",
        "limner.app.intake:drain",
    ),
    Verb(
        "tail",
        "show what clients sent last, and why what could not be used was not",
        "limner.app.intake:tail",
        (
            Argument("source", "of this source only", is_positional=True, metavar="SOURCE"),
            Argument("limit", "how many at most", "int", default=20),
            Argument("rejects", "only what could not be used", "flag"),
        ),
        doors=("cli", "python", "http"),
        http="GET /intake/tail",
    ),
    Verb(
        "key make",
        "make a write key for a live source; it is shown this once",
        "limner.app.intake:key_make",
        (
            one("source", "the source clients may write to", metavar="SOURCE"),
            Argument("key", "let this key write, which clients have already", metavar="KEY"),
            Argument("note", "what the key is for", default=""),
        ),
        doors=("cli",),
    ),
    Verb("key list", "list the write keys by their last letters", "limner.app.intake:key_list", doors=("cli",)),
    Verb(
        "key revoke",
        "refuse a write key from now on",
        "limner.app.intake:key_revoke",
        (one("ends_in", "the last four letters of the key", metavar="LETTERS"),),
        doors=("cli",),
    ),
    Verb("loads", "list the loads, newest last", "limner.app.collecting:loads"),
    Verb(
        "rejects",
        "show the rows and values that could not be used, with place and reason",
        "limner.app.rejected:rejects",
        (
            Argument("load", "of this load only", "int", is_positional=True, metavar="LOAD"),
            Argument("source", "of this source only", metavar="SOURCE"),
            Argument("reason", "for this reason only, as collect names it", metavar="TEXT"),
            Argument("limit", "how many at most", "int", default=20),
            Argument("output", "write all of them into this CSV file", "path", metavar="FILE"),
        ),
        doors=("cli", "python"),
    ),
    Verb("withdraw", "take the rows of a load out of every later view", "limner.app.collecting:withdraw", (_LOAD,)),
    Verb("release", "bring a load that is held into sight", "limner.app.quality:release", (_LOAD, _WHY)),
    Verb("drop", "let go of a load that is held, as if it had never come", "limner.app.quality:drop", (_LOAD, _WHY)),
    Verb(
        "quality show",
        "show how good the data of every source and trait are, with the counts",
        "limner.app.quality:quality_show",
        (Argument("source", "this source only", is_positional=True, metavar="SOURCE"),),
        doors=("cli", "python", "http"),
        http="GET /quality",
    ),
    Verb(
        "quality learn",
        "suggest checks for a source from what it has brought so far",
        "limner.app.quality:quality_learn",
        (one("source", "the source", metavar="SOURCE"),),
    ),
    Verb(
        "alerts",
        "list the troubles that are open: loads held, checks broken, sources late",
        "limner.app.quality:alerts",
        (Argument("everything", "also those that are over", "flag"),),
        doors=("cli", "python", "http"),
        http="GET /alerts",
    ),
)
