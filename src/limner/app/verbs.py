"""The one table of verbs: the command line and Python get the same words from it.

Each row names the function that does it (imported when it is called), its arguments, and the doors it stands at:
`cli` (a command of that name), `python` (a method of `Workspace`, or of what it returns), `http` (a path).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "int", "path", "instant", "flag", "choice"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a verb. A positional one has no default unless it is optional; `is_many` takes several."""

    name: str
    help: str
    kind: Kind = "text"
    is_positional: bool = False
    is_required: bool = False
    is_many: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    metavar: str = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its words, what it does, where it stands. `needs_workspace` is False for those that make one."""

    name: str
    help: str
    call: str
    arguments: tuple[Argument, ...] = ()
    doors: tuple[str, ...] = ("cli", "python")
    http: str = ""
    needs_workspace: bool = True
    takes_asof: bool = False

    @property
    def function(self) -> Callable[..., Any]:
        """The function that does it."""
        module, _, name = self.call.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found


def _one(name: str, help_: str, kind: Kind = "text", **more: Any) -> Argument:
    return Argument(name, help_, kind, is_positional=True, is_required=True, **more)


_RULE = _one("rule", "a rule, or the name of an audience", metavar="RULE-OR-NAME")
_CUSTOMER = _one("customer", "a customer id, or KIND:VALUE such as member_no:M1", metavar="CUSTOMER")
_CONSENT = (
    _CUSTOMER,
    Argument("channel", "the channel, or * for all", is_required=True, metavar="CHANNEL"),
    Argument("proof", "who asked for it and how", is_required=True, metavar="TEXT"),
    Argument("purpose", "the purpose, or * for all", default="marketing", metavar="PURPOSE"),
)
_LOAD = _one("load", "the number of the load", "int", metavar="LOAD")
_WHY = Argument("why", "why; it is kept in the audit", is_required=True, metavar="TEXT")
_REASON = (
    Argument("why", "who asked for it and how", default="", metavar="TEXT"),
    Argument("lift", "lift it", "flag", default=False),
)

VERBS: tuple[Verb, ...] = (
    Verb(
        "init",
        "make a workspace: empty, from a pack, or with draft mappings for your own files",
        "limner.app.starting:init",
        (
            _one("folder", "the folder to make", "path", metavar="DIR"),
            Argument("pack", "copy the definitions of a pack", metavar="NAME"),
            Argument("files", "look at these files and draft their mappings", "path", is_many=True, metavar="FILE"),
        ),
        doors=("cli",),
        needs_workspace=False,
    ),
    Verb(
        "apply",
        "bring the definitions of the folder into force; prints what changes first, never sends",
        "limner.app.defining:apply",
        (
            Argument("folder", "where the definitions are (default: the workspace)", "path", metavar="DIR"),
            Argument("ours", "where both sides changed, keep the folder's", "flag"),
            Argument("theirs", "where both sides changed, keep the ledger's", "flag"),
        ),
    ),
    Verb(
        "diff",
        "show what apply would change",
        "limner.app.defining:diff",
        (Argument("folder", "where the definitions are (default: the workspace)", "path", metavar="DIR"),),
    ),
    Verb(
        "export",
        "write the definitions in force into the folder",
        "limner.app.defining:export",
        (Argument("folder", "where to write them (default: the workspace)", "path", metavar="DIR"),),
    ),
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
            _one("source", "the source clients may write to", metavar="SOURCE"),
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
        (_one("ends_in", "the last four letters of the key", metavar="LETTERS"),),
        doors=("cli",),
    ),
    Verb("loads", "list the loads, newest last", "limner.app.collecting:loads"),
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
        (_one("source", "the source", metavar="SOURCE"),),
    ),
    Verb(
        "alerts",
        "list the troubles that are open: loads held, checks broken, sources late",
        "limner.app.quality:alerts",
        (Argument("everything", "also those that are over", "flag"),),
        doors=("cli", "python", "http"),
        http="GET /alerts",
    ),
    Verb(
        "run",
        "resolve, build, tag, learn and select whatever is stale",
        "limner.app.running:run",
        takes_asof=True,
    ),
    Verb(
        "tag",
        "show a tag: its values, lineage and SQL",
        "limner.app.asking:tag",
        (
            _one("name", "the tag", metavar="NAME"),
            Argument(
                "sql",
                "print its SQL in this dialect",
                "choice",
                choices=("duckdb", "spark", "clickhouse", "postgres", "doris"),
            ),
        ),
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
        (_one("rules", "rules or names of audiences", is_many=True, metavar="RULE-OR-NAME"),),
        takes_asof=True,
    ),
    Verb(
        "audience portrait",
        "show what sets an audience apart (TGI against a base)",
        "limner.app.asking:audience_portrait",
        (_RULE, Argument("base", "compare with this audience (default: everybody)", metavar="RULE-OR-NAME")),
        takes_asof=True,
    ),
    Verb(
        "customer show",
        "show one customer",
        "limner.app.asking:customer_show",
        (_one("customer", "a customer id, or KIND:VALUE such as member_no:M1", metavar="ID"),),
        doors=("cli", "python", "http"),
        http="GET /customers/{customer}",
        takes_asof=True,
    ),
    Verb(
        "consent show",
        "show what a customer allows at an instant, and by which statements",
        "limner.app.privacy.consents:consent_show",
        (
            _CUSTOMER,
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
        _CONSENT,
    ),
    Verb(
        "privacy export",
        "write everything held of a person into a folder",
        "limner.app.privacy.exporting:export",
        (_CUSTOMER, Argument("output", "the folder to make", "path", is_required=True, metavar="DIR")),
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
        (_CUSTOMER, *_REASON),
    ),
    Verb(
        "privacy hold",
        "keep a person's facts from erasure and retention, or lift that",
        "limner.app.privacy.rights:hold",
        (_CUSTOMER, *_REASON),
    ),
    Verb(
        "privacy rekey",
        "give the vault a new key and wrap all its keys anew",
        "limner.app.keys:rekey",
        (Argument("to", "where the new key is: env:NAME, file:PATH or kms:NAME", metavar="PLACE"),),
    ),
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
    ),
    Verb(
        "identity explain",
        "say why somebody is one customer: identifiers, records, cuts, former numbers",
        "limner.app.identity:explain",
        (_one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),),
        takes_asof=True,
    ),
    Verb(
        "identity split",
        "state that identifiers are not this customer's; the next run parts them",
        "limner.app.identity:split",
        (
            _one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),
            Argument(
                "apart",
                "an identifier that goes: KIND#NUMBER as explain shows it, or KIND:VALUE",
                is_many=True,
                is_required=True,
                metavar="IDENTIFIER",
            ),
            Argument("reason", "why; stands in the audit", metavar="TEXT"),
        ),
    ),
    Verb(
        "identity undo",
        "take back a merge or a parting; the next run shows it",
        "limner.app.identity:undo",
        (_one("seq", "the number of the merge or parting", "int", metavar="SEQ"),),
    ),
    Verb(
        "identity merges",
        "list merges and partings, newest first",
        "limner.app.identity:merges",
        (Argument("limit", "how many at most", "int", default=20),),
    ),
    Verb(
        "identity accept",
        "say that pairs are one person each; the next run joins them",
        "limner.app.matching:accept",
        (_one("seqs", "the numbers of the pairs", "int", is_many=True, metavar="SEQ"),),
    ),
    Verb(
        "identity reject",
        "say that pairs are two persons each; takes an acceptance back",
        "limner.app.matching:reject",
        (_one("seqs", "the numbers of the pairs", "int", is_many=True, metavar="SEQ"),),
    ),
    Verb(
        "plan",
        "decide a campaign and store it as a plan; nothing is sent",
        "limner.app.planning:plan",
        (_one("campaign", "the campaign", metavar="CAMPAIGN"),),
        takes_asof=True,
    ),
    Verb(
        "launch",
        "send a plan: each touch once, what is due now",
        "limner.app.launching:launch",
        (_one("plan_id", "the id of the plan", "int", metavar="PLAN"),),
    ),
    Verb(
        "explain",
        "say why a plan decided as it did for one customer",
        "limner.app.planning:explain",
        (
            _one("plan_id", "the id of the plan", "int", metavar="PLAN"),
            _one("customer", "a customer id, or KIND:VALUE", metavar="CUSTOMER"),
        ),
    ),
    Verb(
        "measure",
        "measure a campaign against its hold-out",
        "limner.app.measuring:measure",
        (_one("campaign", "the campaign", metavar="CAMPAIGN"),),
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
    Verb("check", "check definitions, data quality and reconciliation", "limner.app.checking:check"),
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
        ),
        doors=("cli",),
    ),
    Verb(
        "bench",
        "run a benchmark of the checkout's bench/ folder",
        "limner.app.benching:bench",
        (_one("name", "the benchmark", metavar="NAME"),),
        doors=("cli",),
        needs_workspace=False,
    ),
)
"""Every verb, in the order of help."""


def find(name: str) -> Verb:
    """The verb of that name."""
    return next(verb for verb in VERBS if verb.name == name)
