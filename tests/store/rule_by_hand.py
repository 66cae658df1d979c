"""Rules as DuckDB SQL in another way than the product's: correlated questions about one customer, written as text.

It shares no code with the readers, so that all three are wrong alike only by the same thought.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from limner.core.rule import (
    After,
    Aggregate,
    Ago,
    And,
    Between,
    Compare,
    Did,
    Has,
    In,
    Near,
    Not,
    Or,
    Period,
    Sample,
    Sequence,
    Top,
)

_SIGNS = {"==": "=", "!=": "<>"}
_PARTS = {"contains": "instr({0}, {1}) > 0", "starts_with": "left({0}, length({1})) = {1}",
          "ends_with": "right({0}, length({1})) = {1}"}  # fmt: skip
_UNITS = {"day": "1 day", "week": "7 day", "month": "1 month", "quarter": "3 month", "year": "1 year"}


class ByHand:
    """One instant, one zone, the types of columns and properties, and who a salt draws."""

    def __init__(self, asof, zone, types, properties, audience, draw):
        self.asof, self.zone, self.types, self.properties = asof, zone, types, properties
        self.audience, self.draw = audience, draw
        self.turn = 0

    def query(self, rule):
        return f"SELECT g.number FROM gallery g WHERE {self.holds(rule)}"

    def holds(self, rule):
        match rule:
            case And(parts):
                return "(" + " AND ".join(map(self.holds, parts)) + ")"
            case Or(parts):
                return "(" + " OR ".join(map(self.holds, parts)) + ")"
            case Not(part):
                return f"(NOT {self.holds(part)})"
            case Has(tag):
                return f'(g."{tag}" IS TRUE)' if self.types[tag] == "bool" else f'(g."{tag}" IS NOT NULL)'
            case Compare(tag, op, value):
                return self.test(f'g."{tag}"', self.types[tag], op, value)
            case Did(event, times, within, matching):
                return f"(SELECT count(*) {self.events(event, within, matching)[1]}) >= {times}"
            case Aggregate():
                return self.aggregate(rule)
            case Sequence():
                return self.sequence(rule)
            case In("rule"):
                return self.holds(self.audience)
            case In(name):
                return f"(g.number IN (SELECT number FROM members WHERE audience = '{name}'))"
            case Near((lon, lat), radius):
                return self.near(lon, lat, radius)
            case Top(tag, share, is_bottom):
                sign = "<" if is_bottom else ">"
                better = f'(SELECT count(*) FROM gallery h WHERE h."{tag}" {sign} g."{tag}")'
                known = f'(SELECT count(h."{tag}") FROM gallery h)'
                return f"(g.\"{tag}\" IS NOT NULL AND {better} < {known} * CAST('{share}' AS DECIMAL(20, 10)))"
            case Sample(share, salt):
                drawn = ", ".join(map(str, self.draw(share, salt)))
                return f"(g.number IN ({drawn}))" if drawn else "FALSE"
        raise TypeError(rule)

    def near(self, lon, lat, radius):
        a, b = 'radians(g."place.lat")', f"radians({lat})"
        turn = f'radians(g."place.lon" - {lon})'
        share = f"(pow(sin(({a} - {b}) / 2), 2) + cos({a}) * cos({b}) * pow(sin({turn} / 2), 2))"
        return f"coalesce(2 * 6371008.8 * asin(least(1, sqrt({share}))) <= {radius}, FALSE)"

    # values

    def test(self, column, kind, op, value):
        if op == "in":
            return "(" + " OR ".join([*(self.test(column, kind, "==", one) for one in value), "FALSE"]) + ")"
        if op in _PARTS:
            return f"coalesce({_PARTS[op].format(column, self.literal(value, kind))}, FALSE)"
        if kind == "float":
            column = f"CAST({column} AS DOUBLE)"
        if kind in ("int", "money"):
            column = f"CAST({column} AS DECIMAL(38, 5))"
        return f"coalesce({column} {_SIGNS.get(op, op)} {self.literal(value, kind)}, FALSE)"

    def literal(self, value, kind):
        if isinstance(value, Ago):
            return self.told(value, kind)
        match value:
            case bool():
                return str(value)
            case str():
                return "'" + value.replace("'", "''") + "'"
            case datetime():
                return f"TIMESTAMPTZ '{value.isoformat()}'"
            case date():
                return f"DATE '{value}'"
        return f"CAST('{value}' AS DOUBLE)" if kind == "float" else f"CAST('{Decimal(value):f}' AS DECIMAL(38, 5))"

    def told(self, value, kind):
        days = value.span / timedelta(days=1)
        local = f"date_trunc('day', {self.local(self.literal(self.asof, 'instant'))})"
        if kind == "day":
            return f"CAST({local} - INTERVAL ({days:.0f}) DAY AS DATE)"
        if days == int(days):
            return f"(({local} - INTERVAL ({days:.0f}) DAY) AT TIME ZONE '{self.zone}')"
        seconds = int(value.span.total_seconds())
        return f"({self.literal(self.asof, 'instant')} - INTERVAL ({seconds}) SECOND)"

    def local(self, moment):
        return f"({moment} AT TIME ZONE '{self.zone}')"

    # events

    def events(self, event, within, matching):
        """The alias, and FROM … WHERE of one customer's events."""
        self.turn += 1
        e = f"e{self.turn}"
        tests = [f"{e}.number = g.number", f"{e}.name = '{event}'"]
        tests += [self.test(f"{e}.{m.name}", self.properties[m.name], m.op, m.value) for m in matching]
        tests += self.window(e, within)
        return e, f"FROM acts {e} WHERE {' AND '.join(tests)}"

    def window(self, e, within):
        moment, asof = f"{e}.happened_at", self.literal(self.asof, "instant")
        match within:
            case None:
                return []
            case timedelta() if within % timedelta(days=1):
                return [f"{moment} >= {asof} - INTERVAL ({int(within.total_seconds())}) SECOND"]
            case timedelta(days=days):
                start = f"date_trunc('day', {self.local(asof)}) - INTERVAL ({days}) DAY"
                return [f"{self.local(moment)} >= {start}"]
            case Between(start, end):
                return [*self.edge(moment, ">=", start, 0), *self.edge(moment, "<", end, 1)]
            case Period(unit, back):
                size = _UNITS[unit].split()
                start = f"date_trunc('{unit}', {self.local(asof)}) - INTERVAL ({int(size[0]) * back}) {size[1]}"
                end = f"{start} + INTERVAL {_UNITS[unit]}"
                return [f"{self.local(moment)} >= {start}", f"{self.local(moment)} < {end}"]
            case After(step):
                f, last = self.events(step.event, None, step.matching)
                return [f"{moment} > (SELECT max({f}.happened_at) {last})"]
        raise TypeError(within)

    def edge(self, moment, sign, edge, more):
        if edge is None:
            return []
        if isinstance(edge, datetime):
            return [f"{moment} {sign} {self.literal(edge, 'instant')}"]
        return [f"{self.local(moment)} {sign} TIMESTAMP '{edge + timedelta(days=more)} 00:00:00'"]

    def aggregate(self, leaf):
        e, rows = self.events(leaf.event, leaf.within, leaf.matching)
        of, kind = f"{e}.{leaf.of}", self.properties.get(leaf.of)
        match leaf.function:
            case "count":
                return self.test(f"(SELECT count(*) {rows})", "int", leaf.op, leaf.value)
            case "distinct":
                return self.test(f"(SELECT count(DISTINCT {of}) {rows})", "int", leaf.op, leaf.value)
            case "sum":
                return self.test(f"(SELECT coalesce(sum({of}), 0) {rows})", "money", leaf.op, leaf.value)
            case "avg":
                many = leaf.value if leaf.op == "in" else (leaf.value,)
                sign = _SIGNS.get(leaf.op, "=" if leaf.op == "in" else leaf.op)
                wide = "CAST('{:f}' AS DECIMAL(34, 4))"
                if any(abs(one) >= 10**14 for one in many):  # too wide to be multiplied: a double is enough
                    wide = "CAST('{:f}' AS DOUBLE)"
                whole = [f"(SELECT count({of}) > 0 AND sum({of}) {sign} count({of}) * {wide.format(Decimal(one))} {rows})" for one in many]  # fmt: skip
                return "(" + " OR ".join([*(f"coalesce({one}, FALSE)" for one in whole), "FALSE"]) + ")"
            case "min" | "max":
                return self.test(f"(SELECT {leaf.function}({of}) {rows})", kind, leaf.op, leaf.value)
        order = f"{e}.happened_at, {of}" if leaf.function == "first" else f"{e}.happened_at DESC, {of} DESC"
        return self.test(f"(SELECT list({of} ORDER BY {order})[1] {rows} AND {of} IS NOT NULL)", kind, leaf.op, leaf.value)  # fmt: skip

    def sequence(self, leaf):
        names, tests = [], []
        for step in leaf.steps:
            e, rows = self.events(step.event, None, step.matching)
            names.append(e)
            tests.append(rows.split(" WHERE ", 1)[1])
        tests += [f"{a}.happened_at < {b}.happened_at" for a, b in pairwise(names)]
        first, last = f"{names[0]}.happened_at", f"{names[-1]}.happened_at"
        if leaf.within is not None:
            tests.append(f"{last} < {first} + INTERVAL ({int(leaf.within.total_seconds())}) SECOND")
        for step in leaf.without:
            e, rows = self.events(step.event, None, step.matching)
            between = f"{e}.happened_at > {first} AND {e}.happened_at < {last}"
            tests.append(f"NOT EXISTS (SELECT 1 {rows} AND {between})")
        tables = ", ".join(f"acts {name}" for name in names)
        return f"EXISTS (SELECT 1 FROM {tables} WHERE {' AND '.join(tests)})"
