-- The bounds of levels by quantiles: bound k of an axis is the first value of which at least k of `levels` parts of the
-- customers are worse, found over the distinct values. With three levels the third and fourth bound are unknown.
-- buyers: table, levels: int
WITH everybody AS (
  SELECT count(*) AS customers
  FROM buyers
),
recencies AS (
  SELECT
    max(CASE WHEN worse * :levels >= customers THEN recency END) AS r1,
    max(CASE WHEN worse * :levels >= 2 * customers THEN recency END) AS r2,
    max(CASE WHEN worse * :levels >= 3 * customers THEN recency END) AS r3,
    max(CASE WHEN worse * :levels >= 4 * customers THEN recency END) AS r4
  FROM (
    SELECT recency, sum(many) OVER (ORDER BY recency DESC) - many AS worse
    FROM (SELECT recency, count(*) AS many FROM buyers GROUP BY recency) AS counted
  ) AS ranked
  CROSS JOIN everybody
),
frequencies AS (
  SELECT
    min(CASE WHEN worse * :levels >= customers THEN frequency END) AS f1,
    min(CASE WHEN worse * :levels >= 2 * customers THEN frequency END) AS f2,
    min(CASE WHEN worse * :levels >= 3 * customers THEN frequency END) AS f3,
    min(CASE WHEN worse * :levels >= 4 * customers THEN frequency END) AS f4
  FROM (
    SELECT frequency, sum(many) OVER (ORDER BY frequency) - many AS worse
    FROM (SELECT frequency, count(*) AS many FROM buyers GROUP BY frequency) AS counted
  ) AS ranked
  CROSS JOIN everybody
),
moneys AS (
  SELECT
    min(CASE WHEN worse * :levels >= customers THEN money END) AS m1,
    min(CASE WHEN worse * :levels >= 2 * customers THEN money END) AS m2,
    min(CASE WHEN worse * :levels >= 3 * customers THEN money END) AS m3,
    min(CASE WHEN worse * :levels >= 4 * customers THEN money END) AS m4
  FROM (
    SELECT money, sum(many) OVER (ORDER BY money) - many AS worse
    FROM (SELECT money, count(*) AS many FROM buyers GROUP BY money) AS counted
  ) AS ranked
  CROSS JOIN everybody
)
SELECT r1, r2, r3, r4, f1, f2, f3, f4, m1, m2, m3, m4
FROM recencies
CROSS JOIN frequencies
CROSS JOIN moneys
