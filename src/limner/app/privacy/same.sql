-- Every identifier of the customers some identifiers belong to.
SELECT DISTINCT o.trace AS trace
FROM links AS l
JOIN asked AS a ON a.trace = l.trace
JOIN links AS o ON o.number = l.number
ORDER BY trace
