"""`build`: traits, addresses and reach become columns of the gallery.

Columns: one per trait name; `is_identified`; `address.<kind>`, the trace of the address a channel of that kind would
write to (the one last seen); `consent.<channel>`, whether one is in force for marketing at the asof, and refused on no
identifier; `reach.<channel>`, whether an address is there as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap

from limner.core.ours import Channel, Property
from limner.core.tell import Tell, silent
from limner.flow.profiles.base import MERGE_RULES
from limner.maths.lookup import lookup
from limner.store.definitions import load_kinds
from limner.store.lake.sql import statement
from limner.store.ledger.consents import Folded, fold

if TYPE_CHECKING:
    from limner.core.rule.lexicon import Type
    from limner.store.definitions import Definitions
    from limner.store.gallery import Draft
    from limner.store.stores import Stores

VERSION = 3
Ints = npt.NDArray[np.int64]
_PACKAGE = "limner.flow.profiles"
_COLUMN_TYPES = {"text": "text", "place": "text", "number": "float", "money": "money", "bool": "bool"}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote: living customers, how many are identified, the columns, and who each channel reaches."""

    customers: int
    identified: int
    columns: tuple[str, ...]
    reach: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Links:
    trace: npt.NDArray[np.int32]
    number: Ints


def build(
    stores: Stores,
    definitions: Definitions,
    draft: Draft,
    links: str,
    *,
    asof: datetime,
    promised: Mapping[str, Type] | None = MappingProxyType({}),
    has_reach: bool = True,
    tell: Tell = silent,
) -> Built:
    """Write the trait, address and reach columns of a draft at `asof`, through a version of the links.

    A trait nobody stated is unknown of everybody where it is `promised` (its name: its type), else it has no column. A
    declared property gives a trait its type; an undeclared one is text where a text was stated, else a number, else an
    instant. With `promised` None, or without `has_reach`, those columns are left out, for a question that does not
    read them.
    """
    consents = {c.consent or name for name, c in definitions.of(Channel).items()} if has_reach else set()
    with ThreadPoolExecutor(1, "consents") as aside:
        said = {name: aside.submit(fold, stores.ledger, name, "marketing", asof) for name in sorted(consents)}
        heard = said if has_reach else None
        return _written(stores, definitions, draft, links, asof, heard, promised, tell)


def _written(
    stores: Stores,
    definitions: Definitions,
    draft: Draft,
    links: str,
    asof: datetime,
    said: Mapping[str, Future[Folded]] | None,
    promised: Mapping[str, Type] | None,
    tell: Tell,
) -> Built:
    """The columns; `said` are the consents, read while the lake is asked for the rest. None: no reach, no traits."""
    versions = {"links": links}
    found = stores.lake.table(statement(_PACKAGE, "links.sql"), versions=versions)
    read = _Links(found["trace"].to_numpy(), found["number"].to_numpy().astype(np.int64))
    lives = np.zeros(int(read.number.max(initial=-1)) + 1, bool)
    lives[read.number] = True
    living = np.flatnonzero(lives)
    draft.put_living(BitMap(living.tolist()))
    identified = np.zeros(draft.size, bool)
    identified[read.number[found["is_identified"].to_numpy(zero_copy_only=False)]] = True
    draft.put("is_identified", identified, type="bool")
    tell(1, 3, "traits")
    names = _traits(stores, definitions, draft, versions, asof) if promised is not None else []
    names += _unknown(draft, {name: kind for name, kind in (promised or {}).items() if name not in names}, asof)
    tell(2, 3, "addresses")
    reach = _reach(stores, definitions, draft, read, asof, said) if said is not None else {}
    tell(3, 3, "reach")
    columns = ("is_identified", *names, *(f"reach.{name}" for name in reach))
    return Built(living.size, int(identified.sum()), columns, reach)


def _traits(
    stores: Stores, definitions: Definitions, draft: Draft, versions: Mapping[str, str], asof: datetime
) -> list[str]:
    declared = definitions.of(Property)
    rule = MERGE_RULES.find("latest")
    written = []
    for name in sorted(stores.lake.table(statement(_PACKAGE, "trait_names.sql"))["name"].to_pylist()):
        rows = stores.lake.table(statement(_PACKAGE, "traits.sql", asof=asof, name=name), versions=versions)
        if rows.num_rows:
            number, told, seq = (rows[column].to_numpy().astype(np.int64) for column in ("number", "told", "seq"))
            order = np.lexsort((seq, told, number))
            last = rows.take(pa.array(order[rule(number[order])]))
            _put_trait(draft, name, last, declared.get(name), asof)
            written.append(name)
    return written


def _unknown(draft: Draft, traits: Mapping[str, Type], asof: datetime) -> list[str]:
    """Columns of traits that may be named already, of which nobody has stated a value, or nobody any more."""
    for name, kind in sorted(traits.items()):
        draft.put(name, [], type=kind, asof=asof.isoformat())
    return sorted(traits)


def _put_trait(draft: Draft, name: str, rows: pa.Table, declared: Property | None, asof: datetime) -> None:
    numbers = rows["number"].to_numpy()
    kind = _COLUMN_TYPES.get(declared.type, "instant") if declared else _guess(rows)
    labels: dict[str, Any] = {"asof": asof.isoformat(), "unit": declared.unit if declared else ""}
    if kind == "text":
        column: Any = rows["text"]
    elif kind == "instant":
        column = rows["moment"]
    elif kind == "bool":
        column = pc.equal(rows["amount"], 1.0)
    elif kind == "money":
        column = pc.round(rows["amount"], 4).cast(pa.decimal128(18, 4))
    else:
        column = rows["amount"]
    draft.put_arrow(name, column, numbers=numbers, type=kind, **labels)  # type: ignore[arg-type]


def _guess(rows: pa.Table) -> str:
    if rows["text"].null_count < rows.num_rows:
        return "text"
    return "float" if rows["amount"].null_count < rows.num_rows else "instant"


def _reach(
    stores: Stores,
    definitions: Definitions,
    draft: Draft,
    links: _Links,
    asof: datetime,
    said: Mapping[str, Future[Folded]],
) -> dict[str, int]:
    channels = definitions.of(Channel)
    kinds = sorted({channel.address for channel in channels.values()} | _address_kinds(stores))
    address = _addresses(stores, draft, links, kinds, asof) if kinds else {}
    reach = {}
    for name, channel in channels.items():
        allowed = _allowed(said[channel.consent or name].result(), links, draft.size)
        column = allowed & address[channel.address]
        draft.put(f"consent.{name}", allowed, type="bool", asof=asof.isoformat())
        draft.put(f"reach.{name}", column, type="bool", asof=asof.isoformat())
        reach[name] = int(column.sum())
    return reach


def _address_kinds(stores: Stores) -> set[str]:
    rows = stores.lake.table(statement(_PACKAGE, "kinds.sql"))
    kinds = load_kinds(stores.ledger)
    return {name for name in rows["kind"].to_pylist() if kinds.of(name).is_address}


def _addresses(
    stores: Stores, draft: Draft, links: _Links, kinds: list[str], asof: datetime
) -> dict[str, npt.NDArray[np.bool_]]:
    rows = stores.lake.table(statement(_PACKAGE, "addresses.sql", asof=asof, kinds=kinds))
    found = {}
    for kind in kinds:
        mine = rows.filter(pc.equal(rows["kind"], kind))
        trace, seen = mine["trace"].to_numpy(), mine["seen"].to_numpy()
        trace = trace[np.lexsort((trace, seen))]
        place, here = lookup(links.trace, trace)
        traces = np.zeros(draft.size, np.int32)
        traces[links.number[place[here]]] = trace[here]  # in order: the address last seen stays
        draft.put(f"address.{kind}", traces, type="int", asof=asof.isoformat())
        found[kind] = traces > 0
    return found


def _allowed(said: Folded, links: _Links, size: int) -> npt.NDArray[np.bool_]:
    """Who grants a channel for marketing, and refuses it on no identifier."""
    place, here = lookup(links.trace, said.trace)
    owner, granted = links.number[place[here]], said.is_granted[here]
    refused = ~granted & ~said.is_silent[here]
    allowed = np.zeros(size, bool)
    allowed[owner[granted]] = True
    allowed[owner[refused]] = False
    return allowed
