-- asof: timestamp, kinds: texts
WITH phones AS (
  SELECT DISTINCT links.number AS number
  FROM identifiers
  JOIN links ON links.trace = identifiers.trace
  WHERE identifiers.happened_at < :asof AND identifiers.kind IN (:kinds)
),
seen AS (
  SELECT links.number AS number, events.happened_at AS happened_at
  FROM events
  JOIN links ON links.trace = events.trace
  WHERE events.happened_at < :asof
  UNION ALL
  SELECT links.number AS number, identifiers.happened_at AS happened_at
  FROM identifiers
  JOIN links ON links.trace = identifiers.trace
  WHERE identifiers.happened_at < :asof
)
SELECT
  seen.number AS number,
  epoch_us(min(seen.happened_at)) AS first_at,
  epoch_us(max(seen.happened_at)) AS last_at
FROM seen
JOIN phones ON phones.number = seen.number
GROUP BY seen.number
