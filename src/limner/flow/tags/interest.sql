-- The weight of each category for each customer: weights are kept against the first day of their quarter (landmark),
-- as whole numbers of 2^-32, so that sums are exact and old quarters never change; each quarter's sum is then aged to
-- the asof and rounded, and the rounded numbers are added up.
-- rows: table, quarters: table, half_life: int
SELECT number, top_category, sum(CAST(round(weight * factor) AS BIGINT)) AS weight
FROM (
  SELECT
    r.number,
    r.top_category,
    q.factor,
    sum(CAST(round(r.points * pow(2, (r.day - q.landmark) / :half_life) * 4294967296) AS BIGINT)) AS weight
  FROM rows AS r
  JOIN quarters AS q ON q.quarter = year(DATE '1970-01-01' + r.day) * 4 + (month(DATE '1970-01-01' + r.day) - 1) // 3
  GROUP BY r.number, r.top_category, q.quarter, q.factor
) AS aged
GROUP BY number, top_category
