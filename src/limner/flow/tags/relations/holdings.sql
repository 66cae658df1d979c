-- What customers hold, as known before the asof.
-- asof: timestamp
SELECT
  l.number,
  h.*,
  h.opened_at < :asof AND (h.closed_at IS NULL OR h.closed_at >= :asof) AS is_open
FROM holdings AS h
JOIN links AS l ON l.trace = h.trace
WHERE h.happened_at < :asof
