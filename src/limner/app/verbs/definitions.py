"""The verbs that begin a workspace and bring its definitions into force."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

VERBS = (
    Verb(
        "init",
        "make a workspace: empty, from a pack, or with draft mappings for your own files",
        "limner.app.starting:init",
        (
            one("folder", "the folder to make", "path", metavar="DIR"),
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
    Verb("check", "check definitions, data quality and reconciliation", "limner.app.checking:check"),
)
