"""Files of known makers told by their columns: a ready mapping is used instead of a guessed one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limner.core.errors import LimnerError
from limner.flow.sources.base import options_of, reader_of
from limner.flow.sources.definition import Source
from limner.flow.sources.mapping import every_column, mentioned

_FEWEST = 3
"""A mapping that needs fewer columns than this would fit files it was not made for."""

_LINE = re.compile(r"^(id|files):.*$", re.M)


@dataclass(frozen=True, slots=True)
class Ready:
    """A mapping that ships with the product: the source, and its text as people read it."""

    source: Source
    text: str


def recognised(path: Path, ready: Sequence[Ready]) -> Ready | None:
    """The ready mapping whose columns a file has, the one that uses most of them; None when there is none.

    A file that cannot be read is nobody's: whoever reads it next says why.
    """
    best: tuple[int, Ready] | None = None
    for one in ready:
        needed = [name for name in every_column(one.source) if name not in one.source.optional]
        try:
            _, reader = reader_of(path, one.source.kind)
            columns = reader.columns(path, options_of(one.source))
        except LimnerError:
            continue
        used = len(mentioned(one.source, columns))
        if len(needed) >= _FEWEST and all(name in columns for name in needed) and (best is None or used > best[0]):
            best = (used, one)
    return best[1] if best else None


def text_for(one: Ready, name: str, placed: Mapping[str, object], told: str) -> str:
    """The text of a ready mapping under another id and for other files, with a first line that says so.

    >>> ready = Ready(Source("a"), "id: a\\nfiles: [data/a*]\\n")
    >>> text_for(ready, "a-2", {"files": ["x"], "watch": True}, "Known.")
    '# Known.\\nid: a-2\\nfiles: ["x"]\\nwatch: true\\n'
    """
    where = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in placed.items())
    stated = {"id": f"id: {name}", "files": where}
    body = _LINE.sub(lambda found: stated[found[1]], one.text)
    return f"# {told}\n{body}"
