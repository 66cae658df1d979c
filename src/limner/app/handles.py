"""What Python gets from a workspace to ask further: an audience, a customer, a plan. Each calls the verbs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.app.asking import Counted, Listed, Shown
    from limner.app.carrying import Carried
    from limner.app.identity import Origin, Passage, Split, Undone
    from limner.app.keys import Rekeyed
    from limner.app.launching import Launched
    from limner.app.matching import Queue, Reviewed
    from limner.app.planning import Explained, Planned
    from limner.app.portraying import Portrayed
    from limner.app.privacy.consents import ConsentList, ConsentMade, ConsentShown
    from limner.app.privacy.erasing import Erased
    from limner.app.privacy.exporting import Exported
    from limner.app.privacy.retaining import Retained
    from limner.app.privacy.rights import Kept
    from limner.app.saved import Changed, Frozen
    from limner.app.taxonomies import TaxonomyGaps, TaxonomyRead, TaxonomyShown
    from limner.app.workspace import Workspace
    from limner.core.ours import Profile
    from limner.flow.audiences import Overlap
    from limner.flow.audiences.alike import Alike
    from limner.flow.audiences.clustered import Clusters
    from limner.flow.audiences.estimate import Estimate
    from limner.flow.audiences.nodes import Funnel, Nodes
    from limner.flow.audiences.venn import Venn
    from limner.flow.audiences.worth import Worth
    from limner.flow.identity.matching.proposing import Matched

Asof = str | datetime | None


@dataclass(frozen=True, slots=True)
class AudienceHandle:
    """A rule or a named audience at an asof (default: the newest portrait)."""

    rule: str
    asof: Asof = None
    _shop: Workspace = field(kw_only=True, repr=False)

    def count(self, *, sql: str | None = None, asof: Asof = None) -> Counted | str:
        """How many, identified and anonymous, reachable per channel; with `sql`, the query in that dialect."""
        from limner.app.asking import audience_count

        return audience_count(self._shop, self.rule, asof or self.asof, sql=sql)

    def explain(self, *, asof: Asof = None) -> Nodes:
        """The tree of the rule with a count at every node."""
        from limner.app.selecting import audience_explain

        return audience_explain(self._shop, self.rule, asof or self.asof)

    def funnel(self, *, asof: Asof = None) -> Funnel:
        """Where people drop: the conditions of the rule one after the other."""
        from limner.app.selecting import audience_funnel

        return audience_funnel(self._shop, self.rule, asof or self.asof)

    def estimate(self, *, seed: int = 0, asof: Asof = None) -> Estimate:
        """About how many, with an interval, from a part of the customers."""
        from limner.app.selecting import audience_estimate

        return audience_estimate(self._shop, self.rule, asof or self.asof, seed=seed)

    def export(self, output: Path | str, **wanted: Any) -> Carried:
        """Write it into a file: `format`, `columns`, `channel`, `purpose`, `suppress` as on a terminal."""
        from limner.app.carrying import audience_export

        return audience_export(self._shop, self.rule, output=Path(output), **wanted)

    def venn(self, *others: str, asof: Asof = None) -> Venn:
        """It and up to three other rules or audiences cut into all their parts."""
        from limner.app.layering import audience_venn

        return audience_venn(self._shop, [self.rule, *others], asof or self.asof)

    def worth(self, *others: str, asof: Asof = None, **wanted: Any) -> Worth:
        """What it and others add to a policy: `values`, `cost`, `greedy` as on a terminal."""
        from limner.app.layering import audience_worth

        return audience_worth(self._shop, [self.rule, *others], asof or self.asof, **wanted)

    def changes(self, *, since: Asof = None, limit: int = 20, asof: Asof = None) -> Changed:
        """Who came into the saved audience and who left it since an asof (default: since the refresh before)."""
        from limner.app.saved import audience_changes

        return audience_changes(self._shop, self.rule, since, asof or self.asof, limit=limit)

    def freeze(self) -> Frozen:
        """Give the frozen audience the members its rule has now; they stay until it is frozen anew."""
        from limner.app.saved import audience_freeze

        return audience_freeze(self._shop, self.rule)

    def list(self, *, limit: int = 20, output: Path | None = None, asof: Asof = None) -> Listed:
        """The first customers, or all of them written into a CSV file."""
        from limner.app.asking import audience_list

        return audience_list(self._shop, self.rule, asof or self.asof, limit=limit, output=output)

    def show(self, *, asof: Asof = None) -> Shown:
        """The rule as it is written, and its size."""
        from limner.app.asking import audience_show

        return audience_show(self._shop, self.rule, asof or self.asof)

    def overlap(self, *others: str, asof: Asof = None) -> Overlap:
        """How it overlaps with other rules or audiences, two by two."""
        from limner.app.asking import audience_overlap

        return audience_overlap(self._shop, [self.rule, *others], asof or self.asof)

    def clusters(self, *, asof: Asof = None) -> Clusters:
        """All clusters it is one of: sizes, centres, and how far they can be relied on."""
        from limner.app.selectors import audience_clusters

        return audience_clusters(self._shop, self.rule, asof or self.asof)

    def lookalike(self, *, asof: Asof = None) -> Alike:
        """How its look-alikes were chosen: what they were learned from, and likeness by reach."""
        from limner.app.selectors import audience_lookalike

        return audience_lookalike(self._shop, self.rule, asof or self.asof)

    def portrait(self, *, asof: Asof = None, **wanted: Any) -> Portrayed:
        """Who they are: `base`, `rival`, `belief`, `cross`, `brief`, `output`, `lang` as on a terminal."""
        from limner.app.portraying import audience_portrait

        return audience_portrait(self._shop, self.rule, asof or self.asof, **wanted)


@dataclass(frozen=True, slots=True)
class CustomerHandle:
    """One customer, by a customer id or KIND:VALUE, at an asof (default: the newest portrait)."""

    customer: str
    asof: Asof = None
    _shop: Workspace = field(kw_only=True, repr=False)

    def show(self, *, asof: Asof = None) -> Profile:
        """What is known of the customer; never an address."""
        from limner.app.asking import customer_show

        return customer_show(self._shop, self.customer, asof or self.asof)


@dataclass(frozen=True, slots=True)
class ConsentHandle:
    """The consents of one customer, by a customer id or KIND:VALUE; of all without one."""

    customer: str = ""
    _shop: Workspace = field(kw_only=True, repr=False)

    def show(self, asof: Asof = None, *, known: Asof = None) -> ConsentShown:
        """What the customer allows at an instant, by what was heard before `known`, and the statements behind it."""
        from limner.app.privacy.consents import consent_show

        return consent_show(self._shop, self.customer, asof, known=known)

    def list(self, **wanted: Any) -> ConsentList:
        """The statements for an audit: `channel`, `purpose`, `since`, `until`, `limit`, `output` as on a terminal."""
        from limner.app.privacy.consents import consent_list

        return consent_list(self._shop, **wanted)

    def grant(
        self, channel: str, *, proof: str, purpose: str = "marketing", until: Asof = None, uses: int | None = None
    ) -> ConsentMade:
        """Write that the customer allowed a purpose on a channel, and the proof of it."""
        from limner.app.privacy.consents import consent_grant

        return consent_grant(
            self._shop, self.customer, channel=channel, proof=proof, purpose=purpose, until=until, uses=uses
        )

    def refuse(self, channel: str = "*", *, proof: str, purpose: str = "marketing") -> ConsentMade:
        """Write that the customer refused a purpose on a channel (default: on all), and the proof of it."""
        from limner.app.privacy.consents import consent_refuse

        return consent_refuse(self._shop, self.customer, channel=channel, proof=proof, purpose=purpose)


@dataclass(frozen=True, slots=True)
class PrivacyHandle:
    """What a person may ask of us, and the keys of the vault."""

    _shop: Workspace = field(kw_only=True, repr=False)

    def export(self, customer: str, output: Path | str) -> Exported:
        """Write everything held of a person into a folder."""
        from limner.app.privacy.exporting import export

        return export(self._shop, customer, output=Path(output))

    def erase(self, customer: str | None = None, *, yes: bool = False, why: str = "") -> Erased:
        """Say what would go; with `yes` erase the person and prove it."""
        from limner.app.privacy.erasing import erase

        return erase(self._shop, customer, yes=yes, why=why)

    def restrict(self, customer: str, *, why: str, lift: bool = False) -> Kept:
        """Keep a person out of audiences, decisions and models, or lift that."""
        from limner.app.privacy.rights import restrict

        return restrict(self._shop, customer, why=why, lift=lift)

    def hold(self, customer: str, *, why: str, lift: bool = False) -> Kept:
        """Keep a person's facts from erasure and retention, or lift that."""
        from limner.app.privacy.rights import hold

        return hold(self._shop, customer, why=why, lift=lift)

    def retain(self, *, yes: bool = False) -> Retained:
        """Say what the rules of retention would drop; with `yes` drop it."""
        from limner.app.privacy.retaining import retain

        return retain(self._shop, yes=yes)

    def rekey(self, *, to: str | None = None) -> Rekeyed:
        """Give the vault a new key and wrap all its keys anew."""
        from limner.app.keys import rekey

        return rekey(self._shop, to=to)


@dataclass(frozen=True, slots=True, repr=False)
class PlanHandle:
    """A stored plan. Its numbers are read off it directly: `plan.granted`, `plan.cost`, `plan.refused`."""

    planned: Planned
    _shop: Workspace = field(kw_only=True)

    def launch(self) -> Launched:
        """Send this plan, each touch once."""
        from limner.app.launching import launch

        return launch(self._shop, self.planned.plan_id)

    def explain(self, customer: str) -> Explained:
        """Why it decided as it did for one customer."""
        from limner.app.planning import explain

        return explain(self._shop, self.planned.plan_id, customer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.planned, name)

    def __repr__(self) -> str:
        return repr(self.planned)


@dataclass(frozen=True, slots=True)
class TaxonomyHandle:
    """The taxonomies of a workspace."""

    _shop: Workspace = field(kw_only=True, repr=False)

    def show(self, name: str = "default", *, under: str = "") -> TaxonomyShown:
        """The first level of a taxonomy, or a node and all below it."""
        from limner.app.taxonomies import taxonomy_show

        return taxonomy_show(self._shop, name, under=under)

    def read(self, file: Path, *, id: str = "") -> TaxonomyRead:  # noqa: A002
        """Make a taxonomy of a CSV file."""
        from limner.app.taxonomies import taxonomy_read

        return taxonomy_read(self._shop, file, id=id)

    def gaps(self, tag: str, *, limit: int = 20, asof: Asof = None) -> TaxonomyGaps:
        """How much of what happened leads to nodes of a tag's taxonomy, and what leads nowhere."""
        from limner.app.taxonomies import taxonomy_gaps

        return taxonomy_gaps(self._shop, tag, asof, limit=limit)


@dataclass(frozen=True, slots=True)
class IdentityHandle:
    """Who is one person: what the matchings find, and what an operator says of it."""

    _shop: Workspace = field(kw_only=True, repr=False)

    def match(self, name: str | None = None, *, asof: Asof = None) -> tuple[Matched, ...]:
        """Compare customers by what they state, by one matching or by all."""
        from limner.app.matching import match

        return match(self._shop, name, asof)

    def review(self, *, state: str = "proposed", limit: int = 20) -> Queue:
        """The pairs that wait for a decision, the most probable first."""
        from limner.app.matching import review

        return review(self._shop, state=state, limit=limit)

    def explain(self, customer: str, *, asof: Asof = None) -> Origin:
        """Why somebody is one customer."""
        from limner.app.identity import explain

        return explain(self._shop, customer, asof)

    def split(self, customer: str, *apart: str, reason: str = "") -> Split:
        """State that some identifiers are not this customer's."""
        from limner.app.identity import split

        return split(self._shop, customer, apart=apart, reason=reason)

    def undo(self, seq: int) -> Undone:
        """Take back a merge or a parting by its number."""
        from limner.app.identity import undo

        return undo(self._shop, seq)

    def merges(self, *, limit: int = 20) -> tuple[Passage, ...]:
        """Merges and partings, newest first."""
        from limner.app.identity import merges

        return merges(self._shop, limit=limit)

    def accept(self, *seqs: int) -> tuple[Reviewed, ...]:
        """Say that these pairs are one person each."""
        from limner.app.matching import accept

        return accept(self._shop, seqs)

    def reject(self, *seqs: int) -> tuple[Reviewed, ...]:
        """Say that these pairs are two persons each."""
        from limner.app.matching import reject

        return reject(self._shop, seqs)
