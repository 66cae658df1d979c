"""Identifiers made into traces: each distinct value is normalised and hashed once, known hashes keep their trace.

The raw form is seen here, on its way into the vault, and nowhere after; sealing goes on beside the engine's work.
Ordinary values take a short way in SQL; the rest go through `core.normal`. Both give the same normal form; a test holds
them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlglot import exp

from limner.core.ids import identifier_hashes
from limner.core.kinds import IdentifierKind, identifier_kind
from limner.core.normal import EMPTY_WORDS, PLACEHOLDERS, identifier
from limner.flow.sources.known import NO_TRACE, Halves, Ints, distinct, joined, known_of, whole
from limner.flow.sources.readings import template
from limner.flow.sources.seen import Seen, Told
from limner.flow.sources.texts import NOT_THERE, Hashes
from limner.store.ledger.erasures import buried, forgotten

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.stores import Stores

ERASED: Final = "erased on request"

_FRESH = "fresh_raw"
_MASKED = "1[0-9]{2}[*]{4}[0-9]{3,4}"
_PLAIN = "[A-Za-z0-9_-]{2,32}"
_MAIL = "[a-z0-9_-]{1,40}([.][a-z0-9_-]{1,20})?@[a-z0-9]{1,60}([.][a-z]{2,20}){1,3}"
_PLACEHOLDER = "right(:x, 8) = repeat(right(:x, 1), 8)"


_Forms = dict[str, dict[int, str]]
"""Kind → place of a text → its normal form."""


class Traces:
    """The traces known to one collect, whatever its sources. `told` gives every new identifier its trace.

    One thread learns while another asks `beside` and `sealed`: what is known only grows.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._seen: dict[str, Seen] = {}
        self._sealing = ThreadPoolExecutor(max_workers=1)
        self._sealed: list[Future[int]] = []
        self._lock = Lock()
        self.known = known_of(stores.lake.table(exp.select("kind", "hash", "trace").from_("traces")))
        self._files = frozenset(stores.lake.catalog.snapshot().of("traces"))
        self._erased = forgotten(self._stores.ledger)

    def renew(self) -> None:
        """Learn what others have added since, and forget the texts seen: for one who goes on for long."""
        files = frozenset(self._stores.lake.catalog.snapshot().of("traces"))
        for path in sorted(files - self._files):
            rows = self._stores.lake.file("traces", path)
            if rows is None:
                continue  # put together with others meanwhile: it comes with them
            is_new = self.known.rows(rows["trace"].to_numpy().astype(np.int32)) < 0
            if is_new.any():
                self.known.take_in(rows.filter(is_new))
        self._files = files
        self._seen.clear()
        self._erased = forgotten(self._stores.ledger)

    def told(self, kind: IdentifierKind, raws: pa.ChunkedArray, now: datetime) -> Told:
        """What becomes of identifiers of a kind, null where a row has none; those not seen before are learned."""
        import pyarrow as pa
        import pyarrow.compute as pc

        seen = self._seen.setdefault(kind.name, Seen())
        raws = raws.cast(pa.string())
        hashes = self._hashed(raws)
        places = seen.places(raws, hashes)
        is_new = (places == NOT_THERE) & pc.is_valid(raws).to_numpy()
        if is_new.any():
            new = raws.filter(pa.array(is_new))
            texts = pc.unique(new)
            self._learn(seen, kind, texts, self._hashed(texts), now)
            places[is_new] = seen.places(new, hashes[is_new])
        return seen.told(places)

    def _hashed(self, texts: pa.Array | pa.ChunkedArray) -> Hashes:
        """A number of each text by which it is looked up; for the time of one collect."""
        import pyarrow as pa

        found = self.ask(exp.select(template("hash(raw)").as_("h")).from_(_FRESH), {_FRESH: pa.table({"raw": texts})})
        return np.asarray(found["h"].to_numpy(), np.uint64)

    def beside(self, rows: pa.Table) -> pa.Table:
        """The rows with kind and hash of their `trace`; those whose trace is not known any more are left out."""
        import pyarrow as pa

        place = self.known.rows(rows["trace"].to_numpy().astype(np.int32))
        kept, place = rows.filter(pa.array(place >= 0)), place[place >= 0]
        return kept.append_column("kind", self.known.kinds(place)).append_column("hash", self.known.hashes(place))

    def ask(self, query: exp.Query, given: Mapping[str, pa.Table]) -> pa.Table:
        """The answer of a plain selection from an Arrow table; its rows keep their order."""
        return self._stores.lake.table(query, given=given)

    def _learn(self, seen: Seen, kind: IdentifierKind, texts: pa.Array, hashes: Hashes, now: datetime) -> None:
        """Normal form, keyed hash and trace of texts that have not been seen."""
        forms, why = self._normal_forms(kind, texts)
        trace = np.full(len(texts), NO_TRACE, np.int32)
        usable = np.zeros(len(texts), np.bool_)
        for name, stated in forms.items():
            marks = identifier_hashes(self._stores.hash_key, name, stated.values())
            places = self._kept(name, stated, marks, why)
            trace[places] = self._numbered(name, joined(marks), now)
            usable[places] = (kind if name == kind.name else identifier_kind(name)).strength != "never"
            if name == kind.name and kind.is_address:
                self._seal(name, dict(zip(trace[places].tolist(), (stated[place] for place in places), strict=True)))
        seen.add(texts, hashes, trace, usable, usable & kind.is_person, why)

    def _seal(self, kind: str, addresses: Mapping[int, str]) -> None:
        with self._lock:
            self._sealed.append(self._sealing.submit(self._stores.vault.put, kind, addresses))

    def _normal_forms(self, kind: IdentifierKind, texts: pa.Array) -> tuple[_Forms, list[str | None]]:
        """The normal forms of texts that have one, and why the others have none."""
        import pyarrow as pa

        query = exp.select(short_form(kind).as_("normal"), short_kind(kind).as_("kind")).from_(_FRESH)
        found = self.ask(query, {_FRESH: pa.table({"raw": texts})})
        why: list[str | None] = [None] * found.num_rows
        forms: _Forms = {}
        left = []
        for place, (name, normal) in enumerate(
            zip(found["kind"].to_pylist(), found["normal"].to_pylist(), strict=True)
        ):
            if normal is None:
                left.append(place)
            else:
                forms.setdefault(name, {})[place] = normal
        for place, raw in zip(left, texts.take(pa.array(left, pa.int64())).to_pylist(), strict=True):
            slow = identifier(kind.name, raw, kind)
            why[place] = slow.reason
            if slow.value is not None:
                forms.setdefault(slow.kind, {})[place] = slow.value
        return forms, why

    def _kept(self, kind: str, stated: Iterable[int], hashes: list[bytes], why: list[str | None]) -> list[int]:
        """The places of identifiers that nobody asked to erase; the others get the reason, and their hash goes."""
        places = list(stated)
        if self._erased:
            gone = [turn for turn, mark in enumerate(hashes) if (kind, buried(mark)) in self._erased]
            for turn in reversed(gone):
                del hashes[turn]
                why[places.pop(turn)] = ERASED
        return places

    def _numbered(self, kind: str, hashes: Halves, now: datetime) -> Ints:
        """The traces of hashes; new ones get theirs in the order of the hashes, written before anything uses them."""
        import pyarrow as pa

        once, which = distinct(hashes)
        traces = self.known.traces(once)
        new = np.flatnonzero(traces == NO_TRACE)
        if len(new):
            with self._stores.ledger.write() as connection:
                first = self._stores.ledger.take(connection, "trace", len(new))
            traces[new] = np.arange(first, first + len(new), dtype=np.int32)
            rows = pa.table({"hash": whole(once[new]), "trace": traces[new]})
            shared = {"kind": kind, "source": None, "received_at": now}
            self._stores.lake.append_many("traces", [(f"traces/{first}", rows, None)], filled=shared)
            self.known.add(kind, once[new], traces[new])
        found: Ints = traces[which]
        return found

    def sealed(self) -> Callable[[], None]:
        """What waits until every address learned up to now lies in the vault, and raises what kept one out."""
        with self._lock:
            waiting, self._sealed = self._sealed, []

        def settle() -> None:
            for one in waiting:
                one.result()

        return settle

    def close(self) -> None:
        """Wait for the vault and let go of it."""
        self._sealing.shutdown()


def short_form(kind: IdentifierKind) -> exp.Expr:
    """The normal form of ordinary values over the column `raw`; null for every other, which goes the long way."""
    raw = exp.column("raw")
    if kind.form == "phone":
        known = [exp.Literal.string(phone) for phone in PLACEHOLDERS["phone"]]
        no = exp.or_(exp.In(this=raw, expressions=known), template(_PLACEHOLDER, x=raw))
        return template(
            "CASE WHEN regexp_full_match(:x, '1[3-9][0-9]{9}') AND NOT (:no) THEN '+86' || :x "
            "WHEN regexp_full_match(:x, :masked) THEN :x END",
            x=raw, no=no, masked=_MASKED,
        )  # fmt: skip
    if kind.form == "email":
        known = [exp.Literal.string(mail) for mail in PLACEHOLDERS["email"]]
        no = exp.In(this=raw, expressions=known)
        return template("CASE WHEN regexp_full_match(:x, :form) AND NOT (:no) THEN :x END", x=raw, form=_MAIL, no=no)
    if kind.form not in ("text", "token"):
        return exp.cast(exp.null(), "VARCHAR")
    words = [exp.Literal.string(word) for word in (*sorted(EMPTY_WORDS), *PLACEHOLDERS["token"]) if word.isascii()]
    no = exp.or_(exp.In(this=exp.func("lower", raw), expressions=words), template("ltrim(:x, '0') = ''", x=raw))
    value = raw if kind.form == "text" else exp.func("lower", raw)
    form = "CASE WHEN regexp_full_match(:x, :form) AND NOT (:no) THEN :v END"
    return template(form, x=raw, form=_PLAIN, no=no, v=value)


def short_kind(kind: IdentifierKind) -> exp.Expr:
    """The kind of a value whose normal form is `short_form`: a masked phone is one of its own."""
    own = exp.Literal.string(kind.name)
    if kind.form != "phone":
        return own
    is_masked = template("regexp_full_match(:x, :masked)", x=exp.column("raw"), masked=_MASKED)
    return exp.Case().when(is_masked, exp.Literal.string("masked_phone")).else_(own)
