-- The sum of each node for each customer, the rows in the order of nodes and customers. An act weighs its points times
-- a unit of its day and half-life: what is left of it by its age at the landmark, as a whole number of 2^-36. The index at
-- an asof before the landmark is the sum times one factor. `halves` are half-lives in days; `blocks` × 64 days from `first`
-- on hold all days to the landmark. What happened before weighs nothing. Sums stop growing at 2^58.
-- rows: table, halves: table, blocks: table, steps: table, first: int, landmark: int
SELECT
  r.number,
  r.code,
  CAST(least(sum(r.points * d.unit), 288230376151711744) AS BIGINT) AS weight
FROM rows AS r
JOIN (
  SELECT a.day, q.half, CAST(round(pow(2, (a.day - :landmark) / q.half) * 68719476736) AS BIGINT) AS unit
  FROM (
    SELECT :first + b.n * 64 + c.n AS day
    FROM blocks AS b
    CROSS JOIN steps AS c
  ) AS a
  CROSS JOIN halves AS q
) AS d ON d.day = r.day AND d.half = r.half
GROUP BY r.number, r.code
ORDER BY r.code, r.number
