"""A first mapping for files: that of their maker where it is known, else guesses, marked, and questions."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from limner.core.definition import read
from limner.core.errors import BadInput, words
from limner.core.tell import Tell, silent
from limner.flow.sources.base import options_of
from limner.flow.sources.choosing import is_whole
from limner.flow.sources.definition import Source
from limner.flow.sources.guesses import Guess, Question, guess
from limner.flow.sources.looks import Look, look_at
from limner.flow.sources.preview import preview
from limner.flow.sources.recognise import Ready, recognised, text_for
from limner.flow.sources.writing import written

NOTHING_KNOWN = words(
    "draft_nothing_known",
    "{path}: none of its columns says who or what it is about ({known}). Write its mapping by hand; "
    "docs/guides/sources.md shows how.",
)

Answers = Callable[[Question], str]
"""Asks a person; the answer is one of the question's options."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A drafted source: the definition, its text with every guess marked, open questions, and five rows as events."""

    source: Source
    text: str
    guesses: tuple[str, ...]
    questions: tuple[Question, ...]
    rows: tuple[Mapping[str, str], ...]

    def __str__(self) -> str:
        files = ", ".join(Path(name).name for name in self.source.files)
        lines = [f"{self.source.id}: {files}"]
        lines += [f"  guessed  {guessed}" for guessed in self.guesses]
        for question in self.questions:
            lines.append(f"  asked    {question.words} Assumed: {question.answer}. (ask.{question.id})")
        lines += ["  " + " · ".join(f"{name} {value}" for name, value in row.items() if value) for row in self.rows]
        return "\n".join(lines)


def draft(
    files: Sequence[Path],
    *,
    folder: Path,
    ask: Answers | None = None,
    tell: Tell = silent,
    ready: Sequence[Ready] = (),
) -> tuple[Drafted, ...]:
    """Draft one source for every group of files with the same columns; paths are written relative to `folder`.

    A file that one of the `ready` mappings fits gets that. A folder whose files have the same columns is a source that
    is watched: tomorrow's file is one of it. Without `ask` every question is answered by its default, and the draft
    says so. Raises BadInput for a file that is empty, unreadable, or of which no column says anything.
    """
    looks: dict[tuple[str, ...], list[Look]] = {}
    known: dict[tuple[str, ...], Ready] = {}
    several = _files(files)
    for done, path in enumerate(several):
        tell(done, len(several), path.name)
        mapping = recognised(path, ready)
        look = look_at(path, options_of(mapping.source)) if mapping else look_at(path)
        looks.setdefault(tuple(look.columns), []).append(look)
        if mapping:
            known[tuple(look.columns)] = mapping
    tell(len(several), len(several), "drafts")
    taken: set[str] = set()
    watched = [path for path in files if path.is_dir()]
    return tuple(
        _known(known[columns], group, folder, taken, watched)
        if columns in known
        else _drafted(group, folder, ask, taken, watched)
        for columns, group in looks.items()
    )


def _known(mapping: Ready, group: Sequence[Look], folder: Path, taken: set[str], watched: Sequence[Path]) -> Drafted:
    """The mapping of a known maker for these files, its open questions with the answers it assumes."""
    source = mapping.source
    told = f"Recognised by its columns: {source.name or source.id}. This mapping ships with Limner."
    name = _named(source.id, taken)
    text = text_for(mapping, name, _placed([one.path for one in group], folder, watched), told)
    made = read(Source, yaml.safe_load(text), f"sources/{name}.yaml")
    return Drafted(made, text, (told,), (), preview(made, group[0]))


def _files(files: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        inside = (p for p in path.iterdir() if p.is_file() and is_whole(p.name)) if path.is_dir() else (path,)
        found += sorted(inside)
    return found


def _drafted(
    group: Sequence[Look], folder: Path, ask: Answers | None, taken: set[str], watched: Sequence[Path] = ()
) -> Drafted:
    look = group[0]
    guessed = guess(look)
    if guessed is None:
        raise BadInput(NOTHING_KNOWN, path=look.path, known=", ".join(list(look.columns)[:12]))
    answers = {q.id: (ask(q) if ask else q.answer) for q in guessed.questions}
    guessed = guess(look, answers) or guessed
    body = {
        "id": _named(guessed.shape, taken),
        "name": look.path.stem if len(group) == 1 else _common(group),
        **_placed([one.path for one in group], folder, watched),
        **guessed.body,
    }
    text = written(body, guessed, look)
    source = read(Source, yaml.safe_load(text), f"sources/{body['id']}.yaml")
    return Drafted(source, text, tuple(guessed.told), guessed.questions, preview(source, look))


def _placed(paths: Sequence[Path], folder: Path, watched: Sequence[Path]) -> dict[str, object]:
    """Where the files of a source are: a folder that has no others, or each of them."""
    home = next((one for one in watched if set(_files([one])) == set(paths)), None)
    if home is not None:
        return {"files": [_relative(home, folder)], "watch": True}
    return {"files": [_relative(path, folder) for path in paths]}


def _named(shape: str, taken: set[str]) -> str:
    name, turn = shape, 1
    while name in taken:
        turn += 1
        name = f"{shape}-{turn}"
    taken.add(name)
    return name


def _common(group: Sequence[Look]) -> str:
    """What the names of several files begin with, without the numbers of months that follow."""
    stems = [one.path.stem for one in group]
    same = next((n for n in range(len(stems[0]), 0, -1) if all(s.startswith(stems[0][:n]) for s in stems)), 0)
    return re.sub(r"[\s\d_.()（）-]+$", "", stems[0][:same]) or stems[0]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


__all__ = ["Answers", "Drafted", "Guess", "Question", "draft"]
