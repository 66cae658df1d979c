-- asof: timestamp
-- wanted: table
SELECT i.trace, coalesce(i.with_trace, i.trace) AS beside, i.kind, i.source, i.load,
  min(i.happened_at) AS first_at, max(i.happened_at) AS last_at
FROM identifiers AS i
WHERE i.happened_at < :asof AND i.trace IS NOT NULL
  AND (i.trace IN (SELECT w.trace FROM wanted AS w) OR i.with_trace IN (SELECT w.trace FROM wanted AS w))
GROUP BY i.trace, coalesce(i.with_trace, i.trace), i.kind, i.source, i.load
ORDER BY trace, beside, source, load
