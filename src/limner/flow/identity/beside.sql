-- asof: timestamp
-- wanted: table
SELECT trace, coalesce(with_trace, trace) AS beside
FROM identifiers
WHERE happened_at < :asof AND trace IS NOT NULL
  AND (trace IN (SELECT w.trace FROM wanted AS w) OR with_trace IN (SELECT w.trace FROM wanted AS w))
