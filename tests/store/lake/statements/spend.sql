-- What customers spent: an example of a statement.
-- asof: timestamp, today: date, days: int
-- least: decimal, event: text, vias: texts, numbers: ints, is_all: bool, source: table
select number, sum(amount) as spend
from source as s
where happened_at < :asof and day >= :days and amount > :least and name = :event
  and (via in (:vias) or number in (:numbers) or :is_all) and born < :today
group by number
