-- Recency, frequency and money in levels 1 (worst) to `levels` (best), customers with an order only.
-- Tie rule: the level of a value is read off the share of customers who are worse, so equal values share a level.
-- High means above the mean level, so that a crowd of equal values is low and stays together.
-- answers: table, levels: int
SELECT
  number,
  r,
  f,
  m,
  CASE
    WHEN r * customers > all_r AND f * customers > all_f AND m * customers > all_m THEN 0
    WHEN r * customers > all_r AND m * customers > all_m THEN 1
    WHEN f * customers > all_f AND m * customers > all_m THEN 2
    WHEN m * customers > all_m THEN 3
    WHEN r * customers > all_r AND f * customers > all_f THEN 4
    WHEN r * customers > all_r THEN 5
    WHEN f * customers > all_f THEN 6
    ELSE 7
  END AS class
FROM (
  SELECT
    number,
    r,
    f,
    m,
    customers,
    sum(r) OVER () AS all_r,
    sum(f) OVER () AS all_f,
    sum(m) OVER () AS all_m
  FROM (
    SELECT
      number,
      customers,
      1 + (rank() OVER (ORDER BY recency DESC) - 1) * :levels // customers AS r,
      1 + (rank() OVER (ORDER BY frequency) - 1) * :levels // customers AS f,
      1 + (rank() OVER (ORDER BY money) - 1) * :levels // customers AS m
    FROM (
      SELECT number, recency, frequency, money, count(*) OVER () AS customers
      FROM answers
      WHERE frequency > 0 AND NOT recency IS NULL AND NOT money IS NULL
    ) AS buyers
  ) AS ranked
) AS levelled
