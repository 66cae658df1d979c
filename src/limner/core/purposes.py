"""What tags and models may be used for: the purposes each is bound to, and those whose consent it stands on.

Two things follow from a purpose. *Use*: a tag may be used for the purposes it is bound to and for no other; what stands
on it can be bound to fewer, never to more. *Consent*: what a tag says of a customer is known only where that customer's
word covers every purpose it is bound to, and every purpose of what it stands on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from limner.core.errors import BadDefinition, words

PURPOSE_WIDER = words(
    "purpose_wider",
    "{place}: {name!r} is for {purposes} and stands on {other!r}, which is for {narrower} only. Write purposes: "
    "[{allowed}] in {place}, or widen {other!r}.",
)
PURPOSE_NONE = words(
    "purpose_none_left",
    "{place}: {name!r} stands on {others}, which share no purpose with one another or with [privacy] purposes: it "
    "could be used for nothing. Widen one of them, or leave it out.",
)

ANY = "*"
"""Every purpose: what is bound to it may be used for anything, and stands on no consent of its own."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What something may be used for (None: anything), and the purposes a customer's word must cover for it."""

    purposes: frozenset[str] | None = None
    needs: frozenset[str] = frozenset()

    def allows(self, purpose: str) -> bool:
        """Whether it may be used for a purpose; for every purpose, when it is asked of `*`.

        >>> Binding(frozenset({"analysis"})).allows("marketing"), Binding().allows("marketing")
        (False, True)
        """
        return self.purposes is None or purpose in self.purposes

    def covers(self, other: Binding) -> bool:
        """Whether what is bound as `other` may read it."""
        return self.purposes is None or (other.purposes is not None and other.purposes <= self.purposes)


UNBOUND = Binding()


def listed(text: str) -> tuple[str, ...]:
    """The purposes of a setting: names with commas between them.

    >>> listed("marketing, analysis ,"), listed("*")
    (('marketing', 'analysis'), ('*',))
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


def only(purposes: Collection[str]) -> frozenset[str] | None:
    """Purposes as a set; None when they are every purpose."""
    return None if not purposes or ANY in purposes else frozenset(purposes)


def said(purposes: frozenset[str] | None) -> str:
    """Purposes as they are written.

    >>> said(frozenset({"b", "a"})), said(None)
    ('a, b', '*')
    """
    return ANY if purposes is None else ", ".join(sorted(purposes))


class Binder:
    """Binds names one after another, each after what it stands on; what is wrong is gathered in `wrong`.

    `usual` is what the workspace says of a tag or model that names no purpose.
    """

    def __init__(self, usual: Iterable[str] = (ANY,)) -> None:
        self._usual = only(tuple(usual))
        self.bound: dict[str, Binding] = {}
        self.wrong: list[BadDefinition] = []

    def bind_all(self, own: Mapping[str, tuple[str, ...]], on: Mapping[str, tuple[str, ...]], folder: str) -> None:
        """Bind all names, `on` saying what each stands on; a name that is not among them is a trait, and unbound."""
        for name in _ordered(own, on):
            self.bind(name, own[name], on.get(name, ()), f"{folder}/{name}")

    def bind(self, name: str, own: tuple[str, ...], on: Iterable[str], place: str) -> Binding:
        """Bind one name by the purposes it names; without any it takes the usual ones, as far as its inputs allow."""
        inputs = {other: self.bound[other] for other in on if other in self.bound}
        limits = [found.purposes for found in inputs.values() if found.purposes is not None]
        wanted = only(own) if own else _shared(self._usual, limits)
        for other, found in inputs.items():
            if own and not found.covers(Binding(wanted)):
                allowed = said(_shared(wanted, limits))
                self.wrong.append(
                    BadDefinition(
                        PURPOSE_WIDER, place=place, name=name, purposes=said(wanted), other=other,
                        narrower=said(found.purposes), allowed=allowed,
                    )
                )  # fmt: skip
        if not own and wanted is not None and not wanted:
            others = ", ".join(sorted(other for other, found in inputs.items() if found.purposes is not None))
            self.wrong.append(BadDefinition(PURPOSE_NONE, place=place, name=name, others=others))
        needs = frozenset().union(wanted or (), *(found.needs for found in inputs.values()))
        self.bound[name] = Binding(wanted, needs)
        return self.bound[name]


def _shared(wanted: frozenset[str] | None, limits: Iterable[frozenset[str]]) -> frozenset[str] | None:
    for limit in limits:
        wanted = limit if wanted is None else wanted & limit
    return wanted


def _ordered(own: Mapping[str, tuple[str, ...]], on: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Every name after what it stands on; circles are cut, they are an error of their own."""
    done: set[str] = set()
    for start in own:
        stack = [(start, False)]
        while stack:
            name, is_ready = stack.pop()
            if is_ready:
                yield name
            elif name not in done and name in own:
                done.add(name)
                stack.append((name, True))
                stack += [(other, False) for other in on.get(name, ())]


__all__ = ["ANY", "UNBOUND", "Binder", "Binding", "listed", "only", "said"]
