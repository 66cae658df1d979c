"""What a verb is.

Each row of the table names the function that does it (imported when it is called), its arguments, and the doors it
stands at:
`cli` (a command of that name), `python` (a method of `Workspace`, or of what it returns), `http` (a path).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "int", "path", "instant", "flag", "choice", "rows"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a verb. A positional one has no default unless it is optional; `is_many` takes several. A path is
    not to be had over HTTP; rows (mappings) are not to be given at the command line, where a file stands for them."""

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
    """A verb: its words, what it does, where it stands. `needs_workspace` is False for those that make one. A verb of
    two words that `is_usual` is also done by the first alone: `tag NAME` is `tag show NAME`."""

    name: str
    help: str
    call: str
    arguments: tuple[Argument, ...] = ()
    doors: tuple[str, ...] = ("cli", "python")
    http: str = ""
    needs_workspace: bool = True
    takes_asof: bool = False
    is_usual: bool = False

    @property
    def function(self) -> Callable[..., Any]:
        """The function that does it."""
        module, _, name = self.call.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found


def one(name: str, help_: str, kind: Kind = "text", **more: Any) -> Argument:
    """A positional argument that must be there."""
    return Argument(name, help_, kind, is_positional=True, is_required=True, **more)


CUSTOMER = one("customer", "a customer id, or KIND:VALUE such as member_no:M1", metavar="CUSTOMER")
"""The argument by which a customer is named."""
