-- Traces with events or lines before the asof that the links do not know.
-- asof: timestamp
SELECT DISTINCT t.trace
FROM (
  SELECT trace FROM events WHERE happened_at < :asof AND NOT trace IS NULL
  UNION ALL
  SELECT trace FROM lines WHERE happened_at < :asof AND NOT trace IS NULL
) AS t
LEFT JOIN links AS l ON l.trace = t.trace
WHERE l.trace IS NULL
