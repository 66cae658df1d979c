-- What was stated of some customers under one name before the asof, the newest first.
-- name: text, asof: timestamp
SELECT t.happened_at, coalesce(t.text, CAST(t.number AS TEXT), CAST(t.instant AS TEXT)) AS value, t.source, t.load, t.seq AS row
FROM traits AS t
JOIN links AS l ON l.trace = t.trace
JOIN asked ON asked.number = l.number
WHERE t.name = :name AND t.happened_at < :asof
ORDER BY t.happened_at DESC, t.seq DESC
