"""Every table of the ledger. A change here needs a migration beside it.

Instants are int64 microseconds UTC, money int64 ten-thousandths, ids int64 given in order by `counters`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from limner.store.ledger.columns import Instant, Money
from limner.store.ledger.metadata import id_column as _id
from limner.store.ledger.metadata import metadata
from limner.store.ledger.quality_tables import alerts, check_results, figures
from limner.store.ledger.set_tables import frozen_sets, refreshes
from limner.store.ledger.tag_tables import tag_acts

__all__ = ["alerts", "check_results", "figures", "frozen_sets", "metadata", "refreshes", "tag_acts"]

counters = Table(
    "counters",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("upcoming", BigInteger, nullable=False),
)

definitions = Table(
    "definitions",
    metadata,
    Column("folder", String(40), primary_key=True),
    Column("id", String(80), primary_key=True),
    Column("version", String(12), primary_key=True),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
)

heads = Table(
    "heads",
    metadata,
    Column("folder", String(40), primary_key=True),
    Column("id", String(80), primary_key=True),
    Column("version", String(12)),
    Column("base", String(12)),
    Column("place", Text, nullable=False, server_default=""),
)

loads = Table(
    "loads",
    metadata,
    _id("load"),
    Column("source", String(80), nullable=False),
    Column("file", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("mapping_version", String(12), nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("counts", Text, nullable=False, server_default="{}"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("replaces", BigInteger),
    Column("withdrawn_at", Instant),
    Column("actor", String(120), nullable=False, server_default=""),
    Column("place", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    Column("older", Text, nullable=False, server_default="[]"),
    Column("is_hidden", Boolean, nullable=False, server_default=text("false")),
    Index("loads_by_content", "source", "content_hash"),
    Index("loads_hidden", "is_hidden"),
)
"""States: running, done, held, withdrawn, dropped, failed. What a hidden load brings is in no reader's view;
`older` are the loads (a JSON list) whose place it takes when it comes into sight."""

marks = Table(
    "marks",
    metadata,
    Column("source", String(80), primary_key=True),
    Column("place", Text, primary_key=True),
    Column("mark", String(200), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("mapping_version", String(12), nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
)
"""What was last seen of a file: its sizes and times, its content, and why it could not be read (else empty)."""

cursors = Table(
    "cursors",
    metadata,
    _id("load"),
    Column("source", String(80), nullable=False),
    Column("cursor_name", String(200), nullable=False),
    Column("high", Text, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    Index("cursors_by_source", "source"),
)
"""Where the reading of a database ended with a load, and the rows near that end: in force once the load is done."""

files = Table(
    "files",
    metadata,
    _id("file_id"),
    Column("table_name", String(80), nullable=False),
    Column("part", String(80), nullable=False, server_default=""),
    Column("path", Text, nullable=False),
    Column("batch_id", String(200), nullable=False),
    Column("load", BigInteger),
    Column("version", String(80), nullable=False, server_default=""),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("min_happened_at", Instant),
    Column("max_happened_at", Instant),
    Column("seq_in", BigInteger, nullable=False),
    Column("seq_out", BigInteger),
    Column("dropped_at", Instant),
    Index("files_live", "seq_out", "table_name"),
    Index("files_by_load", "load"),
)

in_place_files = Table(
    "in_place_files",
    metadata,
    _id("load"),
    Column("source", String(80), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("footer", String(64), nullable=False),
    Column("body", Text, nullable=False),
)
"""Files that are read where they lie: how each stood when it was taken in, and what is read off its columns."""

batches = Table(
    "batches",
    metadata,
    Column("table_name", String(80), primary_key=True),
    Column("batch_id", String(200), primary_key=True),
    Column("rows", BigInteger, nullable=False),
)

views = Table(
    "views",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("version", String(80), primary_key=True),
    Column("asof", Instant),
    Column("catalog_seq", BigInteger, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("order_no", BigInteger, nullable=False),
    Column("body", Text, nullable=False, server_default="{}"),
)

leases = Table(
    "leases",
    metadata,
    Column("role", String(40), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("beat_at", Instant, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("progress", Text, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Column("changed_at", Instant, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    _id("seq"),
    Column("happened_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("verb", String(40), nullable=False),
    Column("body", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    _id("seq"),
    Column("load", BigInteger),
    Column("source", String(80), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("hash", LargeBinary(16), nullable=False),
    Column("trace", Integer, nullable=False),
    Column("channel", String(80), nullable=False),
    Column("purpose", String(80), nullable=False),
    Column("is_granted", Boolean, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("until_at", Instant),
    Column("uses", Integer),
    Column("proof", Text, nullable=False, server_default=""),
    Column("withdrawn_at", Instant),
    Index("consents_by_trace", "trace"),
    Index("consents_by_load", "load"),
)

plans = Table(
    "plans",
    metadata,
    _id("plan_id"),
    Column("campaign", String(80), nullable=False),
    Column("campaign_version", String(12), nullable=False),
    Column("experiment", String(120), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("asof", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("basis", Text, nullable=False),
    Column("header", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("launched_at", Instant),
    Column("done", BigInteger, nullable=False, server_default="0"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("experiment", String(120), primary_key=True),
    Column("arm", String(20), primary_key=True),
    Column("batch", BigInteger, primary_key=True),
    Column("assigned_at", Instant, nullable=False),
    Column("members", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    _id("decision"),
    Column("plan_id", BigInteger, nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("trace", Integer, nullable=False),
    Column("channel", String(80), nullable=False),
    Column("offer", String(80), nullable=False),
    Column("message_class", String(20), nullable=False),
    Column("purpose", String(80), nullable=False),
    Column("message_key", String(64), nullable=False, unique=True),
    Column("moment", Instant, nullable=False),
    Column("latest_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_try_at", Instant, nullable=False),
    Column("is_uncertain", Boolean, nullable=False, server_default=text("false")),
    Column("parameters", Text, nullable=False, server_default="{}"),
    Column("cost", Money, nullable=False),
    Column("consent_seq", BigInteger),
    Column("reason", String(80), nullable=False, server_default=""),
    Column("changed_at", Instant, nullable=False),
    Index("outbox_due", "state", "channel", "next_try_at"),
    Index("outbox_by_plan", "plan_id", "state"),
    Index("outbox_by_number", "number", "moment"),
    Index("outbox_by_trace", "trace", "moment"),
    Index("outbox_by_consent", "consent_seq"),
)
"""One row per granted decision of a launched plan (and one `virtual` row per held-out one, which holds cap and gap room
and is never sent). States: queued, in_flight, handed_over, failed, released, virtual, rehearsed."""

touches = Table(
    "touches",
    metadata,
    _id("touch_id"),
    Column("message_key", String(64), nullable=False, unique=True),
    Column("plan_id", BigInteger, nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("trace", Integer, nullable=False),
    Column("channel", String(80), nullable=False),
    Column("offer", String(80), nullable=False),
    Column("message_class", String(20), nullable=False),
    Column("handed_over_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("is_uncertain", Boolean, nullable=False),
    Column("cost", Money, nullable=False),
    Index("touches_by_plan", "plan_id"),
    Index("touches_by_number", "number", "handed_over_at"),
)

merges = Table(
    "merges",
    metadata,
    _id("seq"),
    Column("kept", Integer, nullable=False),
    Column("retired", Integer, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("asof", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("kept_traces", Text, nullable=False, server_default="[]"),
    Column("retired_traces", Text, nullable=False, server_default="[]"),
    Column("revived_at", Instant),
)
"""Two customers found to be one: the number kept, the number retired, and the traces each had before. `revived_at`: the
retired number lives again. Merges and partings are numbered by one counter."""

partings = Table(
    "partings",
    metadata,
    _id("seq"),
    Column("number", Integer, nullable=False),
    Column("merge", BigInteger),
    Column("apart", Text, nullable=False),
    Column("kept", Text, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("undone_at", Instant),
    Column("undone_by", String(120), nullable=False, server_default=""),
)
"""What an operator has set apart: no trace of `apart` may ever be one customer with a trace of `kept` (JSON arrays).
`merge` is the merge that this undoes."""

resolves = Table(
    "resolves",
    metadata,
    Column("version", String(80), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("asof", Instant, nullable=False),
    Column("basis", String(12), nullable=False),
    Column("files", Text, nullable=False),
    Column("partings", Text, nullable=False),
    Column("accepted", LargeBinary, nullable=False),
    Column("counts", Text, nullable=False, server_default="[0, 0, 0]"),
)
"""What each version of the links was made of, so that the next one need only look at what has changed since."""

proposals = Table(
    "proposals",
    metadata,
    _id("seq"),
    Column("matching", String(80), nullable=False),
    Column("matcher", String(40), nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("probability", Float, nullable=False),
    Column("evidence", Text, nullable=False, server_default="{}"),
    Column("state", String(12), nullable=False),
    Column("asof", Instant, nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("actor", String(120), nullable=False, server_default=""),
    Index("proposals_by_pair", "low", "high", unique=True),
    Index("proposals_by_state", "state", "probability"),
)
"""Pairs of traces that a matcher on traits takes for one person. States: proposed, accepted, rejected, lapsed."""

tombstones = Table(
    "tombstones",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("hash", LargeBinary(16), primary_key=True),
    Column("happened_at", Instant, nullable=False),
)
"""Whom nobody may bring back: `hash` is a hash of the identifier's keyed hash (`erasures.buried`), which is gone."""

erasures = Table(
    "erasures",
    metadata,
    _id("erasure"),
    Column("customer_id", String(40), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("traces", Text, nullable=False, server_default="[]"),
    Column("numbers", Text, nullable=False, server_default="[]"),
    Column("report", Text, nullable=False, server_default="{}"),
)
"""One row per erasure. While its state is running, `traces` and `numbers` are masked in every read; then they go."""

restrictions = Table(
    "restrictions",
    metadata,
    _id("seq"),
    Column("kind", String(12), nullable=False),
    Column("trace", Integer, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Index("restrictions_by_trace", "trace"),
)
"""Identifiers whose person is kept apart (`restricted`) or must not be erased or thinned out (`held`).

The latest row of a kind and trace counts."""
fits = Table(
    "fits",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("asof", Instant, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
)
"""What selectors have learned, by name and the asof it was learned at."""
write_keys = Table(
    "write_keys",
    metadata,
    Column("key_hash", LargeBinary(32), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("ends_in", String(8), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("made_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("revoked_at", Instant),
)
"""The keys by which clients may write to a source, as SHA-256."""

drains = Table(
    "drains",
    metadata,
    _id("drain"),
    Column("body", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
)
"""What is being brought from the stream into the lake: segments, and the first batch of each load. It is written before
and taken away after, so that what was cut off is done again with the same rows under the same names."""

positions = Table(
    "positions",
    metadata,
    Column("part", String(300), primary_key=True),
    Column("upcoming", BigInteger, nullable=False),
)
"""How far each partition of the stream's topic is drained: the offset that comes next."""
