-- who: text, bound: text
-- Of every identifier that a client has unbound: when last, by which source, and beside which others it stood until
-- then and has not been put beside since. Records say the first moment of a pair, statements of binding each moment.
WITH said AS (
  SELECT e.trace, max(e.happened_at) AS happened_at, arg_max(e.source, e.happened_at) AS source
  FROM events AS e
  WHERE e.name = :who AND e.trace IS NOT NULL
  GROUP BY e.trace
),
beside AS (
  SELECT i.trace, i.with_trace AS other, i.happened_at
  FROM identifiers AS i
  WHERE i.with_trace IS NOT NULL AND i.trace IN (SELECT s.trace FROM said AS s)
  UNION ALL
  SELECT i.with_trace AS trace, i.trace AS other, i.happened_at
  FROM identifiers AS i
  WHERE i.trace IS NOT NULL AND i.with_trace IN (SELECT s.trace FROM said AS s)
  UNION ALL
  SELECT a.trace, b.trace AS other, a.happened_at
  FROM events AS a
  JOIN events AS b ON a.source = b.source AND a.happened_at = b.happened_at AND a.trace <> b.trace
    AND a.extra = b.extra
  WHERE a.name = :bound AND b.name = :bound AND a.trace IN (SELECT s.trace FROM said AS s)
)
SELECT s.trace, s.source, s.happened_at, b.other
FROM said AS s
JOIN beside AS b ON s.trace = b.trace
WHERE b.other <> s.trace
GROUP BY s.trace, s.source, s.happened_at, b.other
HAVING max(b.happened_at) <= s.happened_at
ORDER BY s.trace, b.other
