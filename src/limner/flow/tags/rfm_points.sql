-- Buyers in log recency, frequency and money, on a grid of 1/64: some 2 % a step.
-- The sum of a customer who sent back more than they kept counts as nothing.
-- answers: table
SELECT
  number,
  cast(round(ln(1 + recency) * 64) AS INT) AS r,
  cast(round(ln(1 + frequency) * 64) AS INT) AS f,
  cast(round(ln(1 + cast(greatest(money, 0) AS DOUBLE)) * 64) AS INT) AS m
FROM answers
WHERE frequency > 0 AND NOT recency IS NULL AND NOT money IS NULL
