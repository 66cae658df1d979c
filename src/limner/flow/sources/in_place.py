"""Events that stay where they are: what is read off the operator's own file, and what must stand beside it.

The rows of a file in place are read, judged and given their traces like those of any other. Then what was found is held
against expressions over the file itself: a value that these give is not written anywhere; one that they do not give (a
full-width digit, an odd date) stands in the side file. So questions get the same answers, by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from limner.core.errors import BadInput, Broken, words
from limner.flow.sources.base import LINE, PLACE_BITS, kind_of, reader_of
from limner.flow.sources.definition import Source
from limner.flow.sources.readings import TEXTS, Reading, fast, field_text, offset_minutes, prepared, slow, template
from limner.flow.sources.sections import Making, event, offset_between, usable
from limner.flow.sources.staging import extra_of
from limner.store.lake.beside import Side, write_side
from limner.store.lake.in_place import InPlace, Recipe, place_in_lake, remember, standing
from limner.store.lake.lying import OF_SIDE, SQL_TYPES, columns_of, file_rows, layers

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.desk import Desk
    from limner.flow.sources.mapping import Mapped, Part
    from limner.store.lake.duckdb import DuckLake
    from limner.store.stores import Stores

NOT_PARQUET = words(
    "file_not_in_place",
    "Source {source!r}: {path} is read as {kind}, and only Parquet can be read in place. Leave in_place out.",
)

_FEW: Final = 200
"""Different texts that are written into an expression; of more, the names are beside the file."""

_TRUTH: Final = "placed_events"
TRIMMED, PLAIN = "f:", "p:"
"""Lead the names of columns of the file that are trimmed, and of those taken as they are."""


def need_parquet(source: Source, path: Path) -> None:
    """Refuse a file that cannot be read in place."""
    if source.in_place:
        kind, _ = reader_of(path, kind_of(source))
        if kind != "parquet":
            raise BadInput(NOT_PARQUET, source=source.id, path=path.name, kind=kind)


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch gives to a file in place: how it is read; of each part the side, its rows, first and last moment."""

    file: InPlace
    sides: tuple[tuple[Side, pa.Table, tuple[object, object]], ...]


def found_in_place(
    desk: Desk, making: Making, stores: Stores, path: Path, load: int, known: InPlace | None
) -> Found | None:
    """What staged rows of a load say of their file; None without rows. `known` is how the file has been read so far."""
    first, last = _stretch(desk, making.rows, load)
    if first is None or last is None:
        return None
    work = _Work(desk, making, stores, path, load, first, last)
    file = known or work.file()
    file.check(stores.lake.folder)
    sides, beside = [], []
    for number, part in enumerate(making.mapped.of("events")):
        odd = work.judge(part, number, file)
        sides.append((Side(load, number, first, last), work.side(number, file, odd), work.ends()))
        beside.append(tuple(sorted({*file.beside[number], *odd})))
    desk.drop(_TRUTH)
    return Found(replace(file, beside=tuple(beside)), tuple(sides))


def write_beside(lake: DuckLake, batch: str, found: Found, shared: Mapping[str, object]) -> None:
    """Write the side files of a batch, and enter them as its events; the same batch again changes nothing."""
    import numpy as np

    if lake.catalog.has_batch("events", batch):
        return
    count = sum(int(np.count_nonzero(rows["is_used"])) for _, rows, _ in found.sides)
    with lake.ledger.write() as connection:
        seq = lake.ledger.take(connection, "seq", count)
    ready = []
    for side, rows, ends in found.sides:
        ready.append(write_side(lake.folder, lake.sides, side, _filled(rows, seq, side.load, shared), ends))
        seq += ready[-1].rows
    with lake.ledger.write() as connection:
        remember(connection, found.file)
        is_new = lake.catalog.add(connection, batch, ready)
    if not is_new:
        for one in ready:
            (lake.folder / one.path).unlink(missing_ok=True)


def _filled(rows: pa.Table, seq: int, load: int, shared: Mapping[str, object]) -> pa.Table:
    """A side with the columns that every fact has; only rows that are used have a `seq`."""
    import numpy as np
    import pyarrow as pa

    used = rows["is_used"].to_numpy()
    numbers = seq + np.cumsum(used) - 1
    rows = rows.append_column("seq", pa.array(numbers, pa.int64(), mask=~used))
    for name, value in {"load": load, **shared}.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


def _stretch(desk: Desk, rows: str, load: int) -> tuple[int | None, int | None]:
    place = _place(exp.column(LINE))
    query = exp.select(exp.func("min", place), exp.func("max", place.copy())).from_(rows).where(_of_load(load))
    first, last = desk.one(query)
    return first, last


def _place(line: exp.Expr) -> exp.Expr:
    return template("CAST(:line & :low AS BIGINT)", line=line, low=exp.Literal.number((1 << PLACE_BITS) - 1))


def _of_load(load: int) -> exp.Expr:
    first, after = (exp.Literal.number(n << PLACE_BITS) for n in (load, load + 1))
    return template(":line >= :first AND :line < :after", line=exp.column(LINE), first=first, after=after)


@dataclass(frozen=True, slots=True)
class _Work:
    """The rows of one load in a batch, and the stretch of the file they stand in."""

    desk: Desk
    making: Making
    stores: Stores
    path: Path
    load: int
    first: int
    last: int

    @property
    def mapped(self) -> Mapped:
        """The source over the columns of the file."""
        return self.making.mapped

    def rows(self, *, is_hive: bool) -> exp.Select:
        """The stretch of the file."""
        return file_rows(self.path, self.first, self.last, is_hive=is_hive)

    def whole(self, *, is_hive: bool) -> exp.Subquery:
        """All of the file, as `f`."""
        return file_rows(self.path, 1, 1 << PLACE_BITS, is_hive=is_hive).subquery("f")

    # how a file is read

    def file(self) -> InPlace:
        """How a file is read, found out over its first rows."""
        import pyarrow.parquet as pq

        schema = pq.read_schema(self.path)
        found = {name for one in self.mapped.enriched for name in one.columns}
        columns = {name: kind for name, kind in self.mapped.columns.items() if name not in found}
        is_hive = any(name not in schema.names for name in columns)
        parts = list(self.mapped.of("events"))
        recipes = tuple(self._recipe(part, columns, is_hive=is_hive) for part in parts)
        used = {name.partition(":")[2] for recipe in recipes for name in recipe.ready}
        return InPlace(
            self.load, self.mapped.source.id, place_in_lake(self.path, self.stores.lake.folder), standing(self.path),
            {name: str(schema.field(name).type) for name in schema.names if name in used}, recipes,
            tuple(() for _ in parts), is_hive and not used <= set(schema.names),
        )  # fmt: skip

    def _recipe(self, part: Part, columns: Mapping[str, str], *, is_hive: bool) -> Recipe:
        """How a part's events are read."""
        keys = sorted({*part.fields.values(), *part.properties.values(), *part.loose.values()})
        told = self._chosen(keys, part, columns, is_hive=is_hive)
        for key in keys:
            if key in self.mapped.stamps:
                told[f"{key}_off"] = _over(offset_minutes(self.mapped.readings[key], columns))
        if self.mapped.source.extra == "keep":
            told["extra"] = _over(extra_of(self.mapped, columns))
        ready = _ready(told.values(), columns)
        happened = told[part.fields["happened_at"]].copy()
        span = exp.select(exp.func("min", happened), exp.func("max", happened.copy()))
        low, high = self.desk.one(span.from_(_readied(ready, self.whole(is_hive=is_hive)).subquery("p")))
        offset = offset_between((low, high), self.stores.settings.workspace.zone)
        select = event(replace(self.making, day_offset=offset), part)
        wanted = {one.alias_or_name: one.unalias() for one in select.expressions}
        return Recipe(
            _spelled(ready), _spelled(told), _spelled({n: tree for n, tree in wanted.items() if n not in OF_SIDE})
        )

    def _chosen(
        self, keys: Sequence[str], part: Part, columns: Mapping[str, str], *, is_hive: bool
    ) -> dict[str, exp.Expr]:
        """For every reading the expression that is right most often; the plainer of two that are."""
        ways: dict[str, list[exp.Expr]] = {}
        for key in keys:
            several = self._ways(self.mapped.readings[key], columns, is_hive=is_hive)
            ways[key] = [way for way in several if self._can_be_asked(way, columns, is_hive=is_hive)] or [exp.null()]
        tried = [(key, way) for key, several in ways.items() for way in several if len(several) > 1]
        if not tried:
            return {key: several[0] for key, several in ways.items()}
        counts = [
            template("count_if(:own IS DISTINCT FROM :way)", own=exp.column(key, "t"), way=way) for key, way in tried
        ]
        truth = exp.select(_place(exp.column(LINE)).as_("place"), *keys).from_(self.making.rows)
        truth = truth.where(_of_load(self.load), usable(part))
        ready = _readied(_ready((way for _, way in tried), columns), self.rows(is_hive=is_hive).subquery("f"))
        query = exp.select(*counts).from_(ready.select("file_row_number").subquery("p"))
        found = self.desk.one(query.join(truth.subquery("t"), on=_SAME_PLACE.copy()))
        wrong: dict[str, list[int]] = {}
        for (key, _), count in zip(tried, found, strict=True):
            wrong.setdefault(key, []).append(count or 0)
        return {key: several[_least(wrong.get(key, [0]))] for key, several in ways.items()}

    def _can_be_asked(self, way: exp.Expr, columns: Mapping[str, str], *, is_hive: bool) -> bool:
        """Whether the engine takes an expression over the types the file has."""
        ready = _readied(_ready([way], columns), self.whole(is_hive=is_hive))
        try:
            self.desk.ask(exp.select(way.copy()).from_(ready.subquery("p")).limit(0))
        except Broken:
            return False
        return True

    def _ways(self, reading: Reading, columns: Mapping[str, str], *, is_hive: bool) -> Iterator[exp.Expr]:
        """Expressions over ready columns that may give what a reading gives, the plainest first."""
        raw = field_text(reading.field, columns)
        match reading.type:
            case "name" | "bool" if reading.field.constant:
                values, _ = slow(reading, [reading.field.constant])
                yield exp.convert(values[0].as_py())
            case "bool" if fast(reading, columns).is_slow is not None:
                yield self._choice(reading, raw, columns, is_hive=is_hive)
            case "name":
                yield _over(raw)
                yield self._choice(reading, raw, columns, is_hive=is_hive)
            case "key" | "text":
                yield _over(raw, PLAIN)
                way = fast(reading, columns)
                kept = exp.Case().when(way.is_slow, way.raw) if way.is_slow is not None else exp.null()
                yield _over(exp.func("coalesce", way.value, kept))
            case _:
                yield _over(fast(reading, columns).value)

    def _choice(self, reading: Reading, raw: exp.Expr, columns: Mapping[str, str], *, is_hive: bool) -> exp.Expr:
        """A choice between the texts of a file, when they are few; else null."""
        text = _over(raw)
        rows = _readied(_ready([text], columns), self.whole(is_hive=is_hive)).subquery("p")
        texts = exp.select(text.as_("raw")).distinct().from_(rows).where(text.is_(exp.null()).not_())
        raws = sorted(self.desk.ask(texts.limit(_FEW + 1))["raw"].to_pylist())
        if not raws or len(raws) > _FEW:
            return exp.null()
        values, _ = slow(reading, raws)
        choice = exp.Case(this=text.copy())
        for word, value in zip(raws, values.to_pylist(), strict=True):
            choice = choice.when(exp.Literal.string(word), exp.convert(value))
        return choice

    # what stands beside it

    def judge(self, part: Part, number: int, file: InPlace) -> tuple[str, ...]:
        """Lay out what is true of the rows beside what the file gives; the columns in which they differ anywhere."""
        select = event(self.making, part)
        select.set("where", exp.Where(this=_of_load(self.load)))
        columns = [one for one in select.expressions if one.alias_or_name not in ("load", *OF_SIDE)]
        used = exp.func("coalesce", usable(part), exp.false())
        place = _place(exp.column(LINE)).as_("place")
        self.desk.make(_TRUTH, select.select(place, used.as_("is_used"), exp.column("trace"), *columns, append=False))
        names = tuple(one.alias_or_name for one in columns)
        tests = [template("count_if(t.is_used AND :differs)", differs=self._differs(name)) for name in names]
        found = self.desk.one(exp.select(*tests).from_(_AS_TRUTH).join(self._told(file, number), on=_SAME_PLACE.copy()))
        return tuple(name for name, count in zip(names, found, strict=True) if count)

    def _told(self, file: InPlace, number: int) -> exp.Subquery:
        """What the file gives of the stretch: the columns of events by place, as `p`."""
        events, recipe = self.stores.lake.declared("events"), file.recipes[number]
        rows = exp.select("*").from_(self.rows(is_hive=file.is_hive).subquery("f"))
        wanted = zip(events.columns, columns_of(recipe, events), strict=True)
        told = [tree.as_(name) for name, tree in wanted if name in recipe.columns]
        read = layers(recipe, rows, [exp.column("file_row_number", "f")])
        return exp.select("file_row_number", *told).from_(read.subquery("e")).subquery("p")

    def _differs(self, name: str) -> exp.Expr:
        kind = SQL_TYPES[self.stores.lake.declared("events").columns[name]]
        own = exp.cast(exp.column(name, "t"), exp.DataType.build(kind, dialect="duckdb"))
        return exp.paren(template(":own IS DISTINCT FROM :told", own=own, told=exp.column(name, "p")))

    def side(self, number: int, file: InPlace, odd: Sequence[str]) -> pa.Table:
        """The side of the stretch: a row for every row of the file, in order."""
        wanted: list[exp.Expr] = [exp.column("place", "t"), exp.column("is_used", "t")]
        wanted.append(exp.Case().when(exp.column("is_used", "t"), exp.column("trace", "t")).as_("trace"))
        query = exp.select().from_(_AS_TRUTH)
        if odd:
            query = query.join(self._told(file, number), on=_SAME_PLACE.copy())
        marks = []
        for name in odd:
            differs = exp.and_(exp.column("is_used", "t"), self._differs(name))
            wanted.append(exp.Case().when(differs, exp.column(name, "t")).as_(name))
            marks.append(exp.Case().when(differs.copy(), exp.Literal.string(f"{name},")))
        if marks:
            joined = exp.Anonymous(this="concat", expressions=marks)
            wanted.append(template("',' || nullif(:marks, '')", marks=joined).as_("differing"))
        return self.desk.ask(query.select(*wanted).order_by(exp.column("place", "t")))

    def ends(self) -> tuple[object, object]:
        """The first and the last moment of the used rows."""
        happened = exp.column("happened_at")
        query = exp.select(exp.func("min", happened), exp.func("max", happened.copy())).from_(_TRUTH).where("is_used")
        low, high = self.desk.one(query)
        return low, high


def _least(counts: Sequence[int]) -> int:
    return counts.index(min(counts))


def _over(tree: exp.Expr, mark: str = TRIMMED) -> exp.Expr:
    """An expression over prepared columns as one over ready ones."""

    def put(node: exp.Expr) -> exp.Expr:
        return exp.column(f"{mark}{node.name}", quoted=True) if isinstance(node, exp.Column) else node

    return tree.copy().transform(put)


def _ready(trees: Iterable[exp.Expr], columns: Mapping[str, str]) -> dict[str, exp.Expr]:
    """The ready columns that expressions need, over the file `f`."""
    plain = {name: "plain" if kind in TEXTS else kind for name, kind in columns.items()}
    ways = {
        mark: {one.alias_or_name: one.unalias() for one in prepared(kinds, "f").expressions}
        for mark, kinds in ((TRIMMED, columns), (PLAIN, plain))
    }
    wanted = dict.fromkeys(sorted(column.name for tree in trees for column in tree.find_all(exp.Column)))
    return {
        name: ways[name[:2]][name[2:]].transform(
            lambda n: exp.column(n.name, "f", quoted=True) if isinstance(n, exp.Column) else n
        )
        for name in wanted
        if name[:2] in ways
    }


def _readied(ready: Mapping[str, exp.Expr], rows: exp.Subquery) -> exp.Select:
    """The rows of a file with ready columns."""
    return exp.select(*(tree.as_(name, quoted=True) for name, tree in ready.items()), exp.null().as_("none")).from_(
        rows
    )


def _spelled(trees: Mapping[str, exp.Expr]) -> dict[str, str]:
    return {name: tree.sql(dialect="duckdb") for name, tree in trees.items()}


_SAME_PLACE: Final = exp.column("place", "t").eq(template("p.file_row_number + 1"))
_AS_TRUTH: Final = exp.to_table(_TRUTH).as_("t")
