"""The states of a tag: draft, published, retired; which of its versions is in force, and the acts that say so.

What a definition says holds, unless somebody must say so: of a definition whose state is draft, and of every tag of the
workspace where [tags] approval is required, the version published last by an act is in force. Without one the tag is a
draft: it is computed and may be looked at, and nothing may use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from limner.core.definition import as_mapping, read
from limner.core.errors import BadDefinition, LimnerError, NotFound, near, words
from limner.core.ids import version as version_of
from limner.core.ours import Tag
from limner.flow.tags.catalog import UNKNOWN_TAG, built_in
from limner.store.ledger.tag_acts import Act, acts_of

if TYPE_CHECKING:
    from limner.core.settings import Settings
    from limner.store.definitions import Definitions
    from limner.store.ledger import Ledger

NOT_FOR_USE = words(
    "tag_not_for_use",
    "{place}: the tag {tag!r} is {state} and may not be used. {who} may publish it: `limner tag publish {tag}`.",
)
PUBLISHERS: Final = "Whoever may run Limner here"
APPROVERS: Final = "Only an operator with the role approver"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tag stands: its state, the act that says so, and the version that waits to be published (empty: none)."""

    tag: Tag
    state: str
    act: Act | None = None
    waiting: str = ""

    @property
    def version(self) -> str:
        """The version in force, of what the tag says, whatever its state."""
        return self.act.version if self.waiting and self.act is not None else content_version(self.tag)

    @property
    def published_at(self) -> datetime | None:
        """When it was published by an act."""
        return self.act.happened_at if self.act is not None and self.act.state == "published" else None


def content_version(tag: Tag) -> str:
    """The version of what a tag says, whatever its state.

    >>> content_version(Tag("a", state="draft")) == content_version(Tag("a"))
    True
    """
    return version_of(as_mapping(replace(tag, state="published")))


def standing(tag: Tag, acts: Sequence[Act], *, is_required: bool) -> Standing:
    """How a tag stands by its definition and the acts that are not undone, oldest first.

    >>> standing(Tag("a"), (), is_required=True).state, standing(Tag("a"), (), is_required=False).state
    ('draft', 'published')
    """
    last = acts[-1] if acts else None
    if tag.state == "retired" or (last is not None and last.state == "retired"):
        return Standing(replace(tag, state="retired"), "retired", last)
    if last is None:
        is_published = not is_required and tag.state == "published"
        return Standing(tag, "published") if is_published else Standing(replace(tag, state="draft"), "draft")
    mark = content_version(tag)
    if not is_required and tag.state == "published":
        return Standing(tag, "published", next((act for act in reversed(acts) if act.version == mark), None))
    if last.version == mark:
        return Standing(replace(tag, state="published"), "published", last)
    before = read(Tag, {**last.body, "id": tag.id, "state": "published"}, f"tags/{tag.id}")
    return Standing(before, "published", last, waiting=mark)


def standings(ledger: Ledger, definitions: Definitions, settings: Settings) -> dict[str, Standing]:
    """How every tag stands: those of the definitions as they are written, and those that come with the product, which
    need nobody's approval."""
    is_required = settings.tags.approval == "required"
    acts, own = acts_of(ledger), definitions.of(Tag)
    found = {
        name: standing(placed.tag, acts.get(name, ()), is_required=False)
        for name, placed in built_in().items()
        if name not in own
    }
    return found | {name: standing(tag, acts.get(name, ()), is_required=is_required) for name, tag in own.items()}


def in_force(ledger: Ledger, definitions: Definitions, settings: Settings) -> Definitions:
    """The definitions with every tag as it is in force, its state said; a built-in tag that is retired stands in them
    too, so that it is left out."""
    own = definitions.of(Tag)
    found = standings(ledger, definitions, settings)
    tags = {name: one.tag for name, one in found.items() if name in own or one.state == "retired"}
    if tags == dict(own):
        return definitions
    return _with(definitions, tags)


def unpublished(definitions: Definitions) -> dict[str, str]:
    """The tags nothing may use, with their state, of definitions in force.

    >>> from limner.store.definitions import Definitions
    >>> unpublished(Definitions({"tags": {"a": Tag("a", state="draft"), "b": Tag("b")}}))
    {'a': 'draft'}
    """
    return {name: tag.state for name, tag in definitions.of(Tag).items() if tag.state != "published"}


def woken(definitions: Definitions) -> Definitions:
    """The same definitions with retired tags as drafts, so that whoever still names one can be told so."""
    tags = definitions.of(Tag)
    return _with(definitions, {n: replace(t, state="draft") if t.state == "retired" else t for n, t in tags.items()})


def with_tag(definitions: Definitions, tag: Tag) -> Definitions:
    """The same definitions with a tag as it would be."""
    return _with(definitions, {**definitions.of(Tag), tag.id: tag})


def _with(definitions: Definitions, tags: Mapping[str, Tag]) -> Definitions:
    by_folder: dict[str, Mapping[str, Any]] = {**definitions.by_folder, "tags": MappingProxyType(dict(tags))}
    return replace(definitions, by_folder=MappingProxyType(by_folder)) if tags else definitions


def state_problems(
    states: Mapping[str, str], users: Mapping[str, tuple[str, ...]], settings: Settings
) -> Iterator[LimnerError]:
    """The uses of tags that may not be used; a draft may stand on a draft."""
    for name, state in states.items():
        for user in users.get(name, ()):
            folder, _, key = user.partition("/")
            if folder == "tags" and states.get(key) in ("draft", "retired"):
                continue
            yield not_for_use(user, name, state, settings)


def not_for_use(place: str, tag: str, state: str, settings: Settings) -> LimnerError:
    """The error of a tag that may not be used."""
    who = APPROVERS if settings.tags.approval == "required" else PUBLISHERS
    return BadDefinition(NOT_FOR_USE, place=place, tag=tag, state=state, who=who)


def named_tag(known: Mapping[str, Standing], name: str) -> str:
    """The id of the tag of that id or display name, retired ones included."""
    if name in known:
        return name
    for key, one in known.items():
        if name in (one.tag.name, one.tag.name_en):
            return key
    names = [*known, *(one.tag.name for one in known.values() if one.tag.name)]
    raise NotFound(UNKNOWN_TAG, near=near(name, names), name=name)
