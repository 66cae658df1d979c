"""Did, Aggregate and Sequence asked of the lake, through a version of the links, up to an asof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap
from sqlglot import exp

from limner.core.rule import Lexicon, Rule
from limner.flow.audiences.vocabulary import property_types
from limner.store.gallery.bits import pack, to_bitmap
from limner.store.gallery.reader import Acted
from limner.store.lake.dialects import write
from limner.store.lake.rule_sql import SqlReading, behaviour_query, members_query

if TYPE_CHECKING:
    from limner.flow.audiences.base import Ground
    from limner.store.lake.duckdb import DuckLake


@dataclass(frozen=True, slots=True)
class LakeBehaviour:
    """Answers behaviour leaves by SQL. `seq` is the catalog's: a leaf is kept until the lake has new rows."""

    lake: DuckLake
    links: str
    asof: datetime
    lexicon: Lexicon
    seq: int

    @property
    def name(self) -> str:
        """What the answers stand on, for caches."""
        return f"{self.links}|{self.asof.isoformat()}|{self.seq}"

    def __call__(self, leaf: Acted) -> BitMap:
        """The customers who did it before the asof; see `reader.Behaviour`."""
        reading = SqlReading({}, self.asof, self.lexicon.zone, property_types(self.lexicon))
        found = self.lake.table(behaviour_query(leaf, reading), versions={"links": self.links} if self.links else {})
        numbers = found["number"].to_numpy()
        answers = np.zeros(int(numbers.max()) + 1 if numbers.size else 0, np.bool_)
        answers[numbers] = True
        return to_bitmap(pack(answers))


def seen_events(lake: DuckLake) -> frozenset[str]:
    """The names of all events that have ever arrived."""
    name = exp.column("name")
    return frozenset(lake.table(exp.select(name).distinct().from_("events"))["name"].to_pylist())


def said(rule: Rule, ground: Ground, dialect: str = "duckdb") -> str:
    """A resolved rule as the SQL of an engine, over the relations gallery, events, links and members."""
    tags = {name: header.type for name, header in ground.version.headers.items()}
    lexicon = ground.lexicon
    reading = SqlReading(tags, ground.asof, lexicon.zone, property_types(lexicon), ground.rules_under(rule))
    return write(members_query(rule, reading), dialect, is_pretty=True)
