-- The weight of each category for each customer, and how many rows speak of it. Weights are kept against the first day
-- of their quarter (landmark), as whole numbers of 2^-32, so that sums are exact and old quarters never change; each
-- quarter's sum is then aged to the asof and rounded, and the rounded numbers are added up. Rows of no quarter weigh
-- nothing. `grown` is said once per day and not per row; `blocks` × 64 days from `first` on hold all quarters.
-- rows: table, quarters: table, blocks: table, steps: table, first: int, half_life: int
SELECT
  s.number,
  s.top_category,
  CAST(sum(CAST(round(s.weight * f.factor) AS BIGINT)) AS BIGINT) AS weight,
  CAST(sum(s.times) AS BIGINT) AS times
FROM (
  SELECT
    r.number,
    r.top_category,
    d.quarter,
    sum(CAST(round(r.points * d.grown * 4294967296) AS BIGINT)) AS weight,
    count(*) AS times
  FROM rows AS r
  LEFT JOIN (
    SELECT a.day, q.quarter, pow(2, (a.day - q.landmark) / :half_life) AS grown
    FROM (
      SELECT :first + b.n * 64 + c.n AS day
      FROM blocks AS b
      CROSS JOIN steps AS c
    ) AS a
    JOIN quarters AS q ON q.quarter = year(DATE '1970-01-01' + a.day) * 4 + (month(DATE '1970-01-01' + a.day) - 1) // 3
  ) AS d ON d.day = r.day
  GROUP BY r.number, r.top_category, d.quarter
) AS s
LEFT JOIN quarters AS f ON f.quarter = s.quarter
GROUP BY s.number, s.top_category
