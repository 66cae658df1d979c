"""`apply`, `diff` and `export`: definitions between the folder and the ledger.

Three things are compared: the folder, the ledger, and the base, which is what was last applied or exported. What
changed on one side goes to the other; what changed on both is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from limner.app.files import Filed, read_folder, write_file
from limner.core.actor import Actor
from limner.core.errors import BadInput, Clash, words
from limner.store.definitions import (
    Definitions,
    Head,
    load_definitions,
    read_heads,
    remove_definition,
    write_definition,
)

if TYPE_CHECKING:
    from limner.store.ledger import Ledger

BOTH_CHANGED = words(
    "apply_both_changed",
    "{names} changed in the folder and in the ledger since the last apply. Look with `limner diff`, then run "
    "`limner apply --ours` to keep the folder's or `limner apply --theirs` to keep the ledger's.",
)
NO_FOLDER = words("apply_no_folder", "{path} is not a folder. Name the folder of the workspace's definitions.")

Side = Literal["", "ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What `apply` does, or did: definitions added, changed, removed, kept as the ledger has them, and unchanged."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.removed or self.clashes)

    def __repr__(self) -> str:
        rows = [
            *(f"+ {name}" for name in self.added),
            *(f"~ {name}" for name in self.changed),
            *(f"- {name}" for name in self.removed),
            *(f"! {name}" for name in self.clashes),
            *(f"= {name} (kept as the ledger has it)" for name in self.kept),
        ]
        return "\n".join([*rows, f"{self.unchanged} unchanged"])


def compare(home: Path, ledger: Ledger, side: Side = "") -> tuple[Changes, Mapping[tuple[str, str], Filed]]:
    """What an apply of this folder would change, and the folder's definitions."""
    if not home.is_dir():
        raise BadInput(NO_FOLDER, path=home)
    filed, heads = read_folder(home), read_heads(ledger)
    lists: dict[str, list[str]] = {name: [] for name in ("added", "changed", "removed", "kept", "clashes")}
    unchanged = 0
    for key in sorted({*filed, *heads}):
        fate = _fate(filed.get(key), heads.get(key), side)
        if fate in lists:
            lists[fate].append("/".join(key))
        elif fate == "same":
            unchanged += 1
    return Changes(**{name: tuple(found) for name, found in lists.items()}, unchanged=unchanged), filed


def _fate(mine: Filed | None, head: Head | None, side: Side) -> str:
    here = mine.version if mine else None
    there, base = (head.version, head.base) if head else (None, None)
    if here == there:
        return "same" if here else ""
    if here == base or (side == "theirs" and there != base):
        return "kept"
    if there != base and side != "ours":
        return "clashes"
    if there is None:
        return "added"
    return "changed" if here else "removed"


def apply(
    home: Path,
    ledger: Ledger,
    *,
    who: Actor,
    now: datetime,
    check: Callable[[Definitions], None],
    side: Side = "",
) -> Changes:
    """Bring the ledger to what the folder says. All or nothing: nothing is written when one definition is wrong."""
    changes, filed = compare(home, ledger, side)
    if changes.clashes:
        raise Clash(BOTH_CHANGED, names=", ".join(changes.clashes))
    check(after(load_definitions(ledger), changes, filed))
    if changes.is_empty:
        return changes
    with ledger.write() as connection:
        for name in (*changes.added, *changes.changed):
            folder, _, key = name.partition("/")
            one = filed[folder, key]
            write_definition(connection, folder, one.value, place=one.place, now=now, actor=who.id)
        for name in changes.removed:
            folder, _, key = name.partition("/")
            remove_definition(connection, folder, key)
    return changes


def after(present: Definitions, changes: Changes, filed: Mapping[tuple[str, str], Filed]) -> Definitions:
    """The definitions as they will be once the changes are made."""
    by_folder = {folder: dict(found) for folder, found in present.by_folder.items()}
    versions = dict(present.versions)
    for name in (*changes.added, *changes.changed):
        folder, _, key = name.partition("/")
        by_folder.setdefault(folder, {})[key] = filed[folder, key].value
        versions[folder, key] = filed[folder, key].version
    for name in changes.removed:
        folder, _, key = name.partition("/")
        by_folder.get(folder, {}).pop(key, None)
        versions.pop((folder, key), None)
    return Definitions(by_folder, versions)


def export(home: Path, ledger: Ledger) -> tuple[str, ...]:
    """Write the definitions in force into a folder, one file each where no file holds them yet; the paths written."""
    filed = read_folder(home) if home.is_dir() else {}
    written = []
    for folder, name, value in load_definitions(ledger).all():
        here = filed.get((folder, name))
        if here is not None and here.value == value:
            continue
        path = home / folder / f"{name}.yaml"
        if here is not None and "[" not in here.place:
            path = home / here.place
        write_file(path, value)
        written.append(str(path.relative_to(home)))
    return tuple(written)
