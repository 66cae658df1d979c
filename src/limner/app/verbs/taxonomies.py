"""The verbs over taxonomies: the tree of what customers may care for."""

from __future__ import annotations

from limner.app.verbs.base import Argument, Verb, one

VERBS = (
    Verb(
        "taxonomy show",
        "show a taxonomy: its levels, and the nodes under one",
        "limner.app.taxonomies:taxonomy_show",
        (
            Argument("name", "the taxonomy", is_positional=True, default="default", metavar="NAME"),
            Argument("under", "this node and all below it, by its path or name", default="", metavar="NODE"),
        ),
    ),
    Verb(
        "taxonomy read",
        "make a taxonomy of a CSV file, with a column per level or with parents",
        "limner.app.taxonomies:taxonomy_read",
        (
            one("file", "the CSV file", "path", metavar="FILE"),
            Argument("id", "what to call it (default: the file's name)", default="", metavar="ID"),
        ),
    ),
    Verb(
        "taxonomy gaps",
        "show how much of what happened leads to nodes, and the heaviest of what leads nowhere",
        "limner.app.taxonomies:taxonomy_gaps",
        (
            one("tag", "a tag of kind interest_tree", metavar="TAG"),
            Argument("limit", "how many at most", "int", default=20),
        ),
        takes_asof=True,
    ),
)
