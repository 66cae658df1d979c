"""The errors of the house.

Every error is ours and also the built-in it resembles, so that `except LookupError` works for a caller who has never
heard of us. An error is a *code* with parameters; its English sentence is registered once, beside the code that raises
it, with `words`; other languages are translations keyed by the code (`edge/words`). A sentence names the thing, the
value, the bound and the next step.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final, Self


class Words(str):
    """The code of an error whose English sentence has been registered."""

    __slots__ = ()


_SENTENCES: dict[str, str] = {}
SENTENCES: Final[Mapping[str, str]] = MappingProxyType(_SENTENCES)


def words(code: str, sentence: str) -> Words:
    """Register the English sentence of an error code and return the code.

    >>> GONE = words("example_gone", "File {path} is gone. Put it back and run again.")
    >>> str(NotFound(GONE, path="a.csv"))
    'File a.csv is gone. Put it back and run again.'
    """
    if _SENTENCES.get(code, sentence) != sentence:
        raise ValueError(f"the error code {code!r} has two sentences: {_SENTENCES[code]!r} and {sentence!r}")
    _SENTENCES[code] = sentence
    return Words(code)


def fields(sentence: str) -> frozenset[str]:
    """The parameter names a sentence uses.

    >>> sorted(fields("{a} is over {b!r}"))
    ['a', 'b']
    """
    return frozenset(name.split(".")[0].split("[")[0] for _, name, _, _ in Formatter().parse(sentence) if name)


def near(word: str, among: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The names a misspelt word may have meant, best first; none when nothing is close.

    >>> near("sned", ["send", "wait"])
    ('send',)
    """
    return tuple(difflib.get_close_matches(word, list(among), n=most, cutoff=0.6))


class LimnerError(Exception):
    """Base of all our errors: a code, its parameters, and names that may have been meant."""

    def __init__(self, code: Words, /, *, near: Iterable[str] = (), **params: object) -> None:
        self.code: str = str(code)
        self.params: dict[str, object] = params
        self.near: tuple[str, ...] = tuple(near)
        self.place: str = ""
        super().__init__(code)

    def at(self, place: str) -> Self:
        """The same error that names its place first, unless its sentence does; the place given first stays.

        >>> GONE = words("example_gone", "File {path} is gone. Put it back and run again.")
        >>> str(NotFound(GONE, path="a.csv").at("sources/a"))
        'sources/a: File a.csv is gone. Put it back and run again.'
        """
        if not self.place and place not in self.say():
            self.place = place
        return self

    def say(self, sentence: str | None = None, did_you_mean: str = "Did you mean {0}?") -> str:
        """The whole message, in the sentence given (a translation) or in English."""
        text = (sentence or _SENTENCES[self.code]).format(**self.params)
        text = f"{self.place}: {text}" if self.place else text
        if not self.near:
            return text
        return text + " " + did_you_mean.format(", ".join(repr(n) for n in self.near))

    def __str__(self) -> str:
        return self.say()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.near, self.params, self.place)


def _rebuild(
    kind: type[LimnerError], code: str, near: tuple[str, ...], params: dict[str, object], place: str = ""
) -> LimnerError:
    made = kind(Words(code), near=near, **params)
    made.place = place
    return made


def packed(error: LimnerError) -> str:
    """An error as text that `unpacked` reads again, to be said later in any language; parameters become plain values.

    >>> GONE = words("example_gone", "File {path} is gone. Put it back and run again.")
    >>> str(unpacked(packed(NotFound(GONE, path="a.csv"))))
    'File a.csv is gone. Put it back and run again.'
    """
    params = {name: v if isinstance(v, str | int | float) else str(v) for name, v in error.params.items()}
    head = {"kind": type(error).__name__, "code": error.code, "near": error.near, "place": error.place}
    return json.dumps({**head, "params": params}, ensure_ascii=False)


def unpacked(text: str) -> LimnerError | None:
    """The error of a text that `packed` wrote; None of an empty text, or of an error this version does not know."""
    if not text:
        return None
    body = json.loads(text)
    kinds = {kind.__name__: kind for kind in LimnerError.__subclasses__()}
    if body["code"] not in _SENTENCES:
        return None
    return _rebuild(kinds.get(body["kind"], LimnerError), body["code"], body["near"], body["params"], body["place"])


class BadInput(LimnerError, ValueError):
    """Something handed to us cannot be used: a file, a value, an argument."""


class BadDefinition(LimnerError, ValueError):
    """A definition contradicts itself, or names what does not exist."""


class Lacking(LimnerError, ValueError):
    """What was asked is right, and the facts at hand do not carry it: other facts, or more of them, would."""


class NotFound(LimnerError, LookupError):
    """A name or id that nobody knows."""


class Clash(LimnerError, RuntimeError):
    """Two writers, two names or two versions that cannot both stand."""


class Refused(LimnerError, PermissionError):
    """The actor may not, or a rule says no."""


class Busy(LimnerError, RuntimeError):
    """Somebody else holds it; the message says who."""


class Broken(LimnerError, ConnectionError):
    """A server, a file or a stored piece does not answer as it must."""


class Full(LimnerError, OSError):
    """No room: disk, memory or a stated limit."""
