"""Identifiers made into traces: each distinct value is normalised and hashed once, known hashes keep their trace.

The raw form is seen here, on its way into the vault, and nowhere after; sealing goes on beside the engine's work.
Ordinary values take a short way in SQL; the rest go through `core.normal`. Both give the same normal form; a test holds
them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlglot import exp

from limner.core.normal import EMPTY_WORDS, PLACEHOLDERS, IdentifierKind, identifier, identifier_kind
from limner.flow.sources.desk import Desk
from limner.flow.sources.readings import template
from limner.store.ledger.tables import tombstones

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.mapping import Named
    from limner.store.stores import Stores
    from limner.store.vault import Vault

ERASED: Final = "erased on request"
KNOWN = "known_traces"
"""The desk's table of all traces: kind, hash, trace."""

_BLOCK = 64
"""Bytes of a block of SHA-256."""

_HASH = "unhex(left(sha256(p.outer_pad || unhex(sha256(p.inner_pad || encode(n.kind || '|' || n.normal)))), 32))"
"""The first 16 bytes of HMAC-SHA256(key, kind | normal form), by its definition (RFC 2104)."""

_MASKED = "1[0-9]{2}[*]{4}[0-9]{3,4}"
_PLAIN = "[A-Za-z0-9_-]{2,32}"
_MAIL = "[a-z0-9_-]{1,40}([.][a-z0-9_-]{1,20})?@[a-z0-9]{1,60}([.][a-z]{2,20}){1,3}"
_PLACEHOLDER = "right(:x, 8) = repeat(right(:x, 1), 8)"


class Traces:
    """The traces known to one collect, whatever its sources. `learn` gives every new identifier its trace."""

    def __init__(self, stores: Stores, desk: Desk) -> None:
        self._stores = stores
        self._seen: dict[str, str] = {}
        self._sealing = ThreadPoolExecutor(max_workers=1)
        self._sealed: list[Future[int]] = []
        desk.give("given_known", stores.lake.table(exp.select("kind", "hash", "trace").from_("traces")))
        desk.make(KNOWN, exp.select("*").from_("given_known"))
        desk.take_back("given_known")
        desk.give("given_pads", _pads(stores.hash_key))
        with stores.ledger.read() as connection:
            self._erased = connection.execute(select(tombstones.c.kind, tombstones.c.hash)).all()

    def seen(self, kind: IdentifierKind) -> str:
        """The desk's table of the texts of a kind seen so far: raw text → trace, or why there is none."""
        return self._seen.setdefault(kind.name, f"seen_{len(self._seen)}")

    @property
    def tables(self) -> frozenset[str]:
        """The desk's tables that stay for the next source."""
        return frozenset((KNOWN, *self._seen.values()))

    def learn(self, desk: Desk, named: Named, raws: str, now: datetime) -> bool:
        """Bring the texts seen of a kind up to the identifiers that a query names.

        Whether any identifier seen so far has a reason.
        """
        seen = self.seen(named.kind)
        is_first = not desk.has(seen)
        desk.view("named_raws", raws)
        desk.make("fresh_raw", _fresh(seen, is_first=is_first))
        if is_first or desk.one(_COUNT)[0]:
            self._hash(desk, named.kind)
            self._number(desk, now)
            self._keep_addresses(desk, named)
            desk.add(seen, _SEEN)
            desk.drop("fresh_seen")
        desk.drop("fresh_raw")
        return bool(desk.one(exp.select("count(why)").from_(seen))[0])

    def _hash(self, desk: Desk, kind: IdentifierKind) -> None:
        """Normal form, kind, hash and what it may stand for, of each fresh text."""
        short = short_form(kind)
        none = exp.cast(exp.null(), "VARCHAR")
        quick = exp.select("raw", short.as_("normal"), short_kind(kind).as_("kind"), none.as_("why")).from_("fresh_raw")
        quick = quick.where(short.copy().is_(exp.null()).not_())
        left = desk.ask(exp.select("raw").from_("fresh_raw").where(short.copy().is_(exp.null())))["raw"].to_pylist()
        desk.give("given_slow", _slow(kind.name, left))
        both = exp.union(quick, exp.select("raw", "normal", "kind", "why").from_("given_slow"), distinct=False)
        hashed = exp.select(
            "n.*", exp.Case().when(exp.column("normal", "n").is_(exp.null()).not_(), template(_HASH)).as_("hash")
        )
        hashed = hashed.from_(both.subquery("n")).join("given_pads AS p", join_type="cross")
        if self._erased:
            hashed = self._without_erased(desk, hashed)
        kinds = {found: identifier_kind(found) for found in (kind.name, "masked_phone", "masked_email")}
        never = [exp.Literal.string(name) for name, known in kinds.items() if known.strength == "never"]
        usable = exp.not_(exp.In(this=exp.column("kind"), expressions=never))
        person = exp.and_(usable.copy(), exp.Boolean(this=kind.is_person), exp.column("hash").is_(exp.null()).not_())
        desk.make("fresh_seen", exp.select("*", usable.as_("usable"), person.as_("person")).from_(hashed.subquery("h")))
        desk.take_back("given_slow")

    def _without_erased(self, desk: Desk, hashed: exp.Select) -> exp.Select:
        import pyarrow as pa

        kinds, marks = zip(*self._erased, strict=True)
        desk.give(
            "given_erased", pa.table({"kind": list(kinds), "hash": pa.array([bytes(m) for m in marks], pa.binary())})
        )
        gone = exp.column("hash", "e").is_(exp.null()).not_()
        wanted: list[str | exp.Expr] = [
            "h.raw", "h.normal", "h.kind",
            exp.Case().when(gone, exp.Literal.string(ERASED)).else_(exp.column("why", "h")).as_("why"),
            exp.Case().when(exp.not_(gone.copy()), exp.column("hash", "h")).as_("hash"),
        ]  # fmt: skip
        same = exp.and_(_same("h", "e", "kind"), _same("h", "e", "hash"))
        erased = exp.to_table("given_erased").as_("e")
        return exp.select(*wanted).from_(hashed.subquery("h")).join(erased, on=same, join_type="left")

    def _number(self, desk: Desk, now: datetime) -> None:
        """Give traces to hashes that have none, in the order of the hashes; written before anything uses them."""
        import pyarrow as pa

        desk.make("fresh_traces", _NEW)
        count = desk.one(exp.select("count(*)").from_("fresh_traces"))[0]
        if count:
            with self._stores.ledger.write() as connection:
                first = self._stores.ledger.take(connection, "trace", count)
            number = template("CAST(:first + turn - 1 AS INT)", first=exp.Literal.number(first)).as_("trace")
            new = desk.ask(exp.select("kind", "hash", number).from_("fresh_traces"))
            stamp = pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), new.num_rows)
            self._stores.lake.append("traces", f"traces/{first}", new.append_column("received_at", stamp))
            desk.give("given_new", new)
            desk.add(KNOWN, exp.select("kind", "hash", "trace").from_("given_new"))
            desk.take_back("given_new")
        desk.drop("fresh_traces")

    def _keep_addresses(self, desk: Desk, named: Named) -> None:
        if not named.kind.is_address:
            return
        same = exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash"))
        query = exp.select("k.trace", "f.normal").from_("fresh_seen AS f").join(exp.to_table(KNOWN).as_("k"), on=same)
        found = desk.ask(query.where(exp.column("kind", "f").eq(exp.Literal.string(named.kind.name))))
        self._sealed.append(self._sealing.submit(_put, self._stores.vault, named.kind.name, found))

    def sealed(self) -> Callable[[], None]:
        """What waits until every address learned up to now lies in the vault, and raises what kept one out."""
        waiting, self._sealed = self._sealed, []

        def settle() -> None:
            for one in waiting:
                one.result()

        return settle

    def close(self) -> None:
        """Wait for the vault and let go of it."""
        self._sealing.shutdown()


def _put(vault: Vault, kind: str, found: pa.Table) -> int:
    return vault.put(kind, zip(found["trace"].to_pylist(), found["normal"].to_pylist(), strict=True))


def _pads(key: bytes) -> pa.Table:
    """The two padded keys of HMAC; a key of more than one block would be hashed first."""
    import hashlib

    import pyarrow as pa

    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in block) for mask in (0x36, 0x5C))
    return pa.table({"inner_pad": pa.array([inner], pa.binary()), "outer_pad": pa.array([outer], pa.binary())})


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


def _slow(name: str, raws: Sequence[str]) -> pa.Table:
    """Normal form, kind and reason of each text, by the scalar function."""
    import pyarrow as pa

    found = [identifier(name, raw) for raw in raws]
    columns = {"raw": list(raws), "normal": [n.value for n in found], "kind": [n.kind for n in found]}
    columns["why"] = [n.reason for n in found]
    return pa.table({column: pa.array(values, pa.string()) for column, values in columns.items()})


def _same(left: str, right: str, column: str) -> exp.Expr:
    return exp.column(column, left).eq(exp.column(column, right))


def _fresh(seen: str, *, is_first: bool) -> exp.Select:
    """The texts of `named_raws` that have not been seen, each once."""
    query = exp.select("r.raw").distinct().from_("named_raws AS r").where("NOT r.raw IS NULL")
    return query if is_first else query.join(exp.to_table(seen).as_("s"), on="r.raw = s.raw", join_type="anti")


_COUNT = exp.select("count(*)").from_("fresh_raw")
_SEEN = (
    exp.select("f.raw", "f.why", "f.usable", "f.person", "k.trace")
    .from_("fresh_seen AS f")
    .join(exp.to_table(KNOWN).as_("k"), on=exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash")), join_type="left")
)
_NEW = (
    exp.select("d.kind", "d.hash", "row_number() OVER (ORDER BY d.hash, d.kind) AS turn")
    .from_(exp.select("kind", "hash").distinct().from_("fresh_seen").where("NOT hash IS NULL").subquery("d"))
    .join(exp.to_table(KNOWN).as_("k"), on=exp.and_(_same("d", "k", "kind"), _same("d", "k", "hash")), join_type="anti")
)
