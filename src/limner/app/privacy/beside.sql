-- Identifiers that stood in a record with those asked for, and belong to no customer yet.
SELECT DISTINCT found.trace AS trace
FROM (
  SELECT i.trace AS trace
  FROM identifiers AS i
  JOIN asked AS a ON a.trace = i.with_trace
  WHERE i.trace IS NOT NULL
  UNION ALL
  SELECT i.with_trace AS trace
  FROM identifiers AS i
  JOIN asked AS a ON a.trace = i.trace
  WHERE i.with_trace IS NOT NULL
) AS found
LEFT JOIN links AS l ON l.trace = found.trace
WHERE l.trace IS NULL
ORDER BY trace
