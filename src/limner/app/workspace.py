"""`Workspace`: a folder of definitions and its stores, with the verbs. It hands stores, never itself, to a station."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from limner.app.questions import Cancelled, Questions
from limner.core.actor import OWNER, Actor
from limner.core.errors import Busy
from limner.core.tell import Tell, silent

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.applying import Changes
    from limner.app.asking import TagShown
    from limner.app.checking import Checked
    from limner.app.handles import (
        AudienceHandle,
        ConsentHandle,
        CustomerHandle,
        IdentityHandle,
        PlanHandle,
        PrivacyHandle,
        TaxonomyHandle,
    )
    from limner.app.launching import Launched
    from limner.app.lifecycles import Lifecycle
    from limner.app.planning import Explained
    from limner.app.quality import Quality
    from limner.app.rejected import Rejected
    from limner.app.running import Ran
    from limner.app.saved import SavedAudience
    from limner.app.tags.acts import TagAct
    from limner.app.tags.pages import TagRow
    from limner.app.tags.why import Why
    from limner.core.settings import Settings
    from limner.flow.audiences.layers import Layers
    from limner.flow.audiences.paired import Pairings
    from limner.flow.decisions.consent_book import ConsentBook
    from limner.flow.measures.measured import Measured
    from limner.flow.sources import Collected, Dropped, Load, Released, Withdrawn
    from limner.flow.sources.live.drain import Drained
    from limner.flow.sources.live.tail import Heard
    from limner.flow.sources.quality.alerts import Alert
    from limner.flow.sources.quality.suggested import Suggested
    from limner.store.definitions import Definitions
    from limner.store.gallery.leaf_cache import LeafCache
    from limner.store.stores import Stores

Asof = str | datetime | None


_LOOK: Final = 0.1
"""Seconds between two looks whether the keeper is free."""


def _now() -> datetime:
    return datetime.now(UTC)


class Workspace:
    """An open workspace. `clock` gives the present moment; `tell` hears of progress; `who` is the operator.

    `patience` is how many seconds a verb waits for another process that is at work on the same workspace.

    >>> import tempfile
    >>> from limner.app.opening import make
    >>> with Workspace(make(Path(tempfile.mkdtemp()) / "shop")) as shop:
    ...     shop.settings.workspace.name
    'shop'
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        who: Actor = OWNER,
        clock: Callable[[], datetime] = _now,
        tell: Tell = silent,
        patience: float = 0,
    ) -> None:
        from limner.app.opening import settings_of

        self.folder = Path(folder)
        self.who, self.clock, self.tell, self.patience = who, clock, tell, patience
        self.settings: Settings = settings_of(self.folder)
        self.books: dict[str, ConsentBook] = {}
        self.questions = Questions()
        self.apart: tuple[tuple[str, int, int], BitMap] | None = None

    @cached_property
    def stores(self) -> Stores:
        """The stores, opened at the first question."""
        from limner.app.opening import open_stores

        return open_stores(self.folder, self.settings)

    @cached_property
    def leaves(self) -> LeafCache:
        """The sets of conditions lately asked for, shared by everybody who asks."""
        from limner.store.gallery.leaf_cache import LeafCache

        return LeafCache(self.settings.limits.leaves << 20)

    @property
    def definitions(self) -> Definitions:
        """The definitions in force, built-in tags included."""
        from limner.app.known import known_definitions

        return known_definitions(self.stores)

    def declare(self) -> None:
        """Let the lake know the properties now declared: each is a typed column of events."""
        from limner.core.ours import Property

        declared = self.definitions.of(Property)
        self.stores.lake.declare([(name, value.type) for name, value in declared.items()])

    @contextmanager
    def keeper(self, now: datetime, doing: str) -> Iterator[None]:
        """Be the one who writes lake and gallery while the block runs; wait `patience` seconds for another to end."""
        until = time.monotonic() + self.patience
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(self.stores.ledger.lease("keeper", now, doing))
                    break
                except Busy:
                    if time.monotonic() >= until:
                        raise
                    self.tell(0, 0, "waiting")
                    time.sleep(_LOOK)
            yield

    def acting(self, who: Actor) -> Workspace:
        """The same workspace asked by somebody else; the stores are shared, and closed by the one that opened them."""
        other = copy.copy(self)
        other.__dict__["stores"], other.__dict__["leaves"] = self.stores, self.leaves
        other.who = who
        return other

    # the verbs

    def apply(self, folder: Path | None = None, *, ours: bool = False, theirs: bool = False) -> Changes:
        """Bring the folder's definitions into force; all or nothing, and nothing is sent."""
        from limner.app.defining import apply

        return apply(self, folder, ours=ours, theirs=theirs)

    def diff(self, folder: Path | None = None) -> Changes:
        """What `apply` would change."""
        from limner.app.defining import diff

        return diff(self, folder)

    def export(self, folder: Path | None = None) -> tuple[str, ...]:
        """Write the definitions in force into the folder; the files written."""
        from limner.app.defining import export

        return export(self, folder)

    def collect(
        self,
        *files: Path | str,
        source: str | None = None,
        replaces: int | None = None,
        history: bool = False,
        live: bool = False,
    ) -> Collected:
        """Take in the files of a source (default: of all), or the files given. The same file twice changes nothing."""
        from limner.app.collecting import collect

        paths = [Path(file) for file in files]
        return collect(self, source, file=paths, replaces=replaces, history=history, live=live)

    def drain(self) -> Drained:
        """Bring what clients sent live into the lake now."""
        from limner.app.intake import drain

        return drain(self)

    def tail(self, source: str | None = None, *, limit: int = 20, rejects: bool = False) -> tuple[Heard, ...]:
        """What clients sent last, and why what could not be used was not."""
        from limner.app.intake import tail

        return tail(self, source, limit=limit, rejects=rejects)

    def loads(self) -> tuple[Load, ...]:
        """All loads, newest last."""
        from limner.app.collecting import loads

        return loads(self)

    def rejects(
        self,
        load: int | None = None,
        *,
        source: str | None = None,
        reason: str | None = None,
        limit: int = 20,
        output: Path | None = None,
    ) -> Rejected:
        """The rows and values that could not be used, with place and reason."""
        from limner.app.rejected import rejects

        return rejects(self, load, source=source, reason=reason, limit=limit, output=output)

    def withdraw(self, load: int) -> Withdrawn:
        """Take the rows of a load out of every later view."""
        from limner.app.collecting import withdraw

        return withdraw(self, load)

    def release(self, load: int, *, why: str) -> Released:
        """Bring a load that is held into sight; who did it and why stand in the audit."""
        from limner.app.quality import release

        return release(self, load, why=why)

    def drop(self, load: int, *, why: str) -> Dropped:
        """Let go of a load that is held, as if it had never come; who did it and why stand in the audit."""
        from limner.app.quality import drop

        return drop(self, load, why=why)

    def quality(self, source: str | None = None) -> Quality:
        """How good the data are: of all sources and traits, or of one source and the traits it states."""
        from limner.app.quality import quality_show

        return quality_show(self, source)

    def quality_learn(self, source: str) -> Suggested:
        """The checks that what a source has brought so far suggests; `to_yaml()` are lines for its file."""
        from limner.app.quality import quality_learn

        return quality_learn(self, source)

    def alerts(self, *, everything: bool = False) -> tuple[Alert, ...]:
        """The troubles that are open, hard ones first; with `everything` also those that are over."""
        from limner.app.quality import alerts

        return alerts(self, everything=everything)

    def run(self, asof: Asof = None) -> Ran:
        """Resolve, build, tag, learn and select whatever is stale."""
        from limner.app.running import run

        return run(self, asof)

    def tag(self, name: str, asof: Asof = None, *, sql: str | None = None) -> TagShown | str:
        """What a tag asks and how it is answered; with `sql`, its query in that dialect."""
        from limner.app.asking import tag

        return tag(self, name, asof, sql=sql)

    def tags(self, **filters: Any) -> tuple[TagRow, ...]:
        """All tags; `kind`, `state`, `owner`, `under` (a path) and `unused` narrow them."""
        from limner.app.tags.pages import tags

        return tags(self, **filters)

    def tag_publish(self, name: str, *, why: str = "") -> TagAct:
        """Publish a tag as it is defined now, or approve what has changed of it."""
        from limner.app.tags.acts import tag_publish

        return tag_publish(self, name, why=why)

    def tag_retire(self, name: str, *, why: str = "") -> TagAct:
        """Take a tag out of use; refused while something uses it."""
        from limner.app.tags.acts import tag_retire

        return tag_retire(self, name, why=why)

    def tag_undo(self, name: str) -> TagAct:
        """Take back what was last published or retired of a tag."""
        from limner.app.tags.acts import tag_undo

        return tag_undo(self, name)

    def why(self, tag: str, customer: str, asof: Asof = None, *, limit: int = 20) -> Why:
        """Why a customer has a tag, a trait or a score."""
        from limner.app.tags.why import why

        return why(self, tag, customer, asof, limit=limit)

    def lifecycle(self, name: str = "lifecycle_stage", asof: Asof = None, **wanted: Any) -> Lifecycle:
        """How customers move between stages of life, and what is to be expected; options `step`, `ahead`, `seed`."""
        from limner.app.lifecycles import lifecycle

        return lifecycle(self, name, asof, **wanted)

    @property
    def taxonomy(self) -> TaxonomyHandle:
        """The trees of what customers may care for: show, read."""
        from limner.app.handles import TaxonomyHandle

        return TaxonomyHandle(_shop=self)

    def audience(self, rule: str, asof: Asof = None) -> AudienceHandle:
        """A rule or a named audience, to count, list, show, overlap or portray."""
        from limner.app.handles import AudienceHandle

        return AudienceHandle(rule, asof, _shop=self)

    def audiences(self) -> tuple[SavedAudience, ...]:
        """Every saved audience, how many it has and how fresh it is."""
        from limner.app.saved import audiences

        return audiences(self)

    def audience_layers(self, asof: Asof = None) -> Layers:
        """The layers of audiences: coverage, overlap, and the tree."""
        from limner.app.layering import audience_layers

        return audience_layers(self, asof)

    def cancel(self, question: str) -> Cancelled:
        """Call off a question that another thread asked under this name."""
        from limner.app.questions import cancel

        return cancel(self, question)

    def pairings(self, asof: Asof = None, *, limit: int = 50, **options: Any) -> Pairings:
        """What is bought together; options `basket`, `within`, `level`, `support`, `confidence`, `lift`, `most`."""
        from limner.app.selectors import pairings

        return pairings(self, asof, limit=limit, **options)

    def customer(self, customer: str, asof: Asof = None) -> CustomerHandle:
        """One customer, by a customer id or KIND:VALUE such as member_no:M1."""
        from limner.app.handles import CustomerHandle

        return CustomerHandle(customer, asof, _shop=self)

    def consent(self, customer: str = "") -> ConsentHandle:
        """What a customer allows; without one, the statements of all."""
        from limner.app.handles import ConsentHandle

        return ConsentHandle(customer, _shop=self)

    @property
    def privacy(self) -> PrivacyHandle:
        """What a person may ask of us, and the keys of the vault."""
        from limner.app.handles import PrivacyHandle

        return PrivacyHandle(_shop=self)

    @property
    def identity(self) -> IdentityHandle:
        """Who is one person, and why: explain, split, undo, merges; match, review, accept, reject."""
        from limner.app.handles import IdentityHandle

        return IdentityHandle(_shop=self)

    def plan(self, campaign: str, asof: Asof = None) -> PlanHandle:
        """Decide a campaign and store it as a plan; nothing is sent until its `launch()`."""
        from limner.app.handles import PlanHandle
        from limner.app.planning import plan

        return PlanHandle(plan(self, campaign, asof), _shop=self)

    def launch(self, plan_id: int) -> Launched:
        """Send a plan: each touch once, what is due now."""
        from limner.app.launching import launch

        return launch(self, plan_id)

    def explain(self, plan_id: int, customer: str) -> Explained:
        """Why a plan decided as it did for one customer."""
        from limner.app.planning import explain

        return explain(self, plan_id, customer)

    def measure(self, campaign: str, asof: Asof = None) -> Measured:
        """A campaign against its hold-out, with an interval, in money."""
        from limner.app.measuring import measure

        return measure(self, campaign, asof)

    def report(self, output: Path | str, asof: Asof = None, *, lang: str | None = None) -> Any:
        """Write the report: one HTML file."""
        from limner.app.verbs import find

        return find("report").function(self, asof=asof, output=Path(output), lang=lang)

    def check(self) -> Checked:
        """Check definitions, data quality and reconciliation."""
        from limner.app.checking import check

        return check(self)

    def close(self) -> None:
        """Let go of the stores."""
        if "stores" in self.__dict__:
            self.stores.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Workspace {self.settings.workspace.name!r} in {self.folder}>"
