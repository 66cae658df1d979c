"""`init`: a new workspace, empty, from a pack, or with draft mappings for the files at hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.opening import SETTINGS, WORKSPACE_THERE, make, make_keys
from limner.core.errors import BadInput, Clash, NotFound, words
from limner.core.tell import Tell, silent

if TYPE_CHECKING:
    from limner.flow.sources.draft import Answers, Drafted
    from limner.flow.sources.recognise import Ready

NOT_A_FOLDER = words("init_not_a_folder", "{path} is a file. Name a folder for the workspace.")
IN_THE_WAY = words(
    "init_in_the_way", "{path} is already there and the pack {pack!r} brings one. Choose another folder."
)
NO_FILE = words("init_no_file", "There is no file {path}. Name files that are there after --from.")
PACK_OR_FILES = words("init_pack_or_files", "A workspace begins with a pack or with your own files: leave one out.")

PLATFORMS = "platforms"
"""The pack whose sources tell the files of known platforms by their columns."""

SAMPLE = "sample.py"
"""What writes a small sample for a pack to be tried on."""

_NOT_COPIED = shutil.ignore_patterns("state", "data", "samples", "*.csv", "*.xlsx", "*.parquet", ".*", "__pycache__")


@dataclass(frozen=True, slots=True)
class Made:
    """A new workspace: where, from what, the files written in it, what was drafted, and the commands to run next."""

    folder: str
    pack: str
    files: tuple[str, ...]
    drafts: tuple[Drafted, ...]
    then: tuple[str, ...]


def init(
    folder: Path,
    pack: str | None = None,
    files: Sequence[Path] = (),
    *,
    ask: Answers | None = None,
    tell: Tell = silent,
    locale: str = "zh",
) -> Made:
    """Make a workspace in a folder that holds none. All or nothing: what is wrong is said before a file is written.

    `ask` asks a person what the files cannot say; without it the likeliest answer is taken and written down as assumed.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(NOT_A_FOLDER, path=folder)
    if (folder / SETTINGS).exists():
        raise Clash(WORKSPACE_THERE, path=folder)
    if pack and files:
        raise BadInput(PACK_OR_FILES)
    if pack:
        return _from_pack(folder, pack)
    for path in files:
        if not path.exists():
            raise NotFound(NO_FILE, path=path)
    drafts = _drafts(folder, files, ask, tell)
    make(folder, locale=locale)
    written = [SETTINGS, *_write(folder, drafts)]
    _apply(folder)
    steps = ("collect", "check", "report -o report.html") if drafts else ("apply",)
    return Made(str(folder), "", tuple(written), drafts, _commands(folder, steps))


def _from_pack(folder: Path, pack: str) -> Made:
    from limner.app.packs import pack_folder

    home = pack_folder(pack)
    brought = [path.relative_to(home) for path in sorted(home.rglob("*")) if path.is_file()]
    taken = [path for path in brought if (folder / path).exists()]
    if taken:
        raise Clash(IN_THE_WAY, path=folder / taken[0], pack=pack)
    shutil.copytree(home, folder, dirs_exist_ok=True, ignore=_NOT_COPIED)
    make_keys(folder)
    written = tuple(str(path) for path in brought if (folder / path).exists())
    _apply(folder)
    first = (f"python {folder / SAMPLE}",) if (folder / SAMPLE).exists() else ()
    return Made(str(folder), pack, written, (), (*first, *_commands(folder, ("collect", "run"))))


def _apply(folder: Path) -> None:
    """Bring what was written into force: the next command may be `collect`."""
    from limner.app.defining import apply
    from limner.app.workspace import Workspace

    with Workspace(folder) as shop:
        apply(shop)


def _drafts(folder: Path, files: Sequence[Path], ask: Answers | None, tell: Tell) -> tuple[Drafted, ...]:
    if not files:
        return ()
    from limner.flow.sources.draft import draft

    return draft(files, folder=folder, ask=ask, tell=tell, ready=_ready())


def _ready() -> list[Ready]:
    """The mappings of platforms that ship with the product."""
    import yaml

    from limner.app.packs import pack_folder
    from limner.core.definition import read
    from limner.flow.sources.definition import Source
    from limner.flow.sources.recognise import Ready

    texts = [(path, path.read_text(encoding="utf-8")) for path in sorted(pack_folder(PLATFORMS).glob("sources/*.yaml"))]
    return [Ready(read(Source, yaml.safe_load(text), f"{PLATFORMS}/{path.name}"), text) for path, text in texts]


def _write(folder: Path, drafts: Iterable[Drafted]) -> list[str]:
    """Write the draft mappings, commented, one file each."""
    written = []
    for made in drafts:
        path = folder / "sources" / f"{made.source.id}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made.text, encoding="utf-8")
        written.append(str(path.relative_to(folder)))
    return written


def _commands(folder: Path, verbs: Iterable[str]) -> tuple[str, ...]:
    """The commands to run next, as one would type them."""
    here = folder.resolve() == Path.cwd()
    return tuple(f"limner {verb}" if here else f"limner {verb} -w {folder}" for verb in verbs)
