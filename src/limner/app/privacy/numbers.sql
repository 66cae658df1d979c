-- The customers of some identifiers.
SELECT DISTINCT l.number AS number FROM links AS l JOIN asked AS a ON a.trace = l.trace ORDER BY number
