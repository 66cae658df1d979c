-- The identifiers of customers of whom nothing is left but who they were: no event, trait, holding or relation, and no
-- record since an instant.
-- before: timestamp
WITH person AS (
  SELECT t.trace AS trace, COALESCE(l.number, -t.trace) AS who
  FROM traces AS t
  LEFT JOIN links AS l ON l.trace = t.trace
),
seen AS (
  SELECT e.trace AS trace FROM events AS e
  UNION ALL
  SELECT a.trace AS trace FROM traits AS a
  UNION ALL
  SELECT h.trace AS trace FROM holdings AS h
  UNION ALL
  SELECT r.trace AS trace FROM relations AS r
  UNION ALL
  SELECT r.other_trace AS trace FROM relations AS r
  UNION ALL
  SELECT i.trace AS trace FROM identifiers AS i WHERE COALESCE(i.received_at, i.happened_at) >= :before
  UNION ALL
  SELECT k.trace AS trace FROM kept AS k
)
SELECT p.trace AS trace
FROM person AS p
WHERE p.who NOT IN (SELECT q.who FROM person AS q JOIN seen AS s ON s.trace = q.trace)
ORDER BY trace
