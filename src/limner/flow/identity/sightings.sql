-- asof: timestamp
-- wanted: table
SELECT i.trace, coalesce(i.with_trace, i.trace) AS beside,
  epoch_us(min(i.happened_at)) AS first_at, epoch_us(max(i.happened_at)) AS last_at
FROM identifiers AS i
WHERE i.happened_at < :asof AND i.trace IS NOT NULL
  AND (i.trace IN (SELECT w.trace FROM wanted AS w) OR i.with_trace IN (SELECT w.trace FROM wanted AS w))
GROUP BY i.trace, coalesce(i.with_trace, i.trace)
