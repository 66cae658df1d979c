-- Recency, frequency and money in levels 1 (worst) up, customers with an order only.
-- A value that reaches bound k is in level k + 1: a recency of at most the bound, a frequency or a sum of at least it.
-- Equal values therefore share a level. An unknown bound is reached by nobody.
-- High means above the mean level, so that a crowd of equal values is low and stays together.
-- answers: table, bounds: table
WITH buyers AS (
  SELECT number, recency, frequency, money
  FROM answers
  WHERE frequency > 0 AND NOT recency IS NULL AND NOT money IS NULL
),
levelled AS (
  SELECT
    y.number,
    CASE
      WHEN y.recency <= b.r4 THEN 5
      WHEN y.recency <= b.r3 THEN 4
      WHEN y.recency <= b.r2 THEN 3
      WHEN y.recency <= b.r1 THEN 2
      ELSE 1
    END AS r,
    CASE
      WHEN y.frequency >= b.f4 THEN 5
      WHEN y.frequency >= b.f3 THEN 4
      WHEN y.frequency >= b.f2 THEN 3
      WHEN y.frequency >= b.f1 THEN 2
      ELSE 1
    END AS f,
    CASE
      WHEN y.money >= b.m4 THEN 5
      WHEN y.money >= b.m3 THEN 4
      WHEN y.money >= b.m2 THEN 3
      WHEN y.money >= b.m1 THEN 2
      ELSE 1
    END AS m
  FROM buyers AS y
  CROSS JOIN bounds AS b
),
overall AS (
  SELECT count(*) AS customers, sum(r) AS all_r, sum(f) AS all_f, sum(m) AS all_m
  FROM levelled
)
SELECT
  l.number,
  l.r,
  l.f,
  l.m,
  CASE
    WHEN l.r * o.customers > o.all_r AND l.f * o.customers > o.all_f AND l.m * o.customers > o.all_m THEN 0
    WHEN l.r * o.customers > o.all_r AND l.m * o.customers > o.all_m THEN 1
    WHEN l.f * o.customers > o.all_f AND l.m * o.customers > o.all_m THEN 2
    WHEN l.m * o.customers > o.all_m THEN 3
    WHEN l.r * o.customers > o.all_r AND l.f * o.customers > o.all_f THEN 4
    WHEN l.r * o.customers > o.all_r THEN 5
    WHEN l.f * o.customers > o.all_f THEN 6
    ELSE 7
  END AS class
FROM levelled AS l
CROSS JOIN overall AS o
