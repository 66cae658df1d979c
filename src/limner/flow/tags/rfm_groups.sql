-- The nearest of three centres, each axis weighed by its spread; of equally near ones the first.
-- points: table, centres: table
SELECT
  number,
  CASE WHEN first <= second AND first <= third THEN 0 WHEN second <= third THEN 1 ELSE 2 END AS place
FROM (
  SELECT
    p.number,
    (p.r - c.r0) * (p.r - c.r0) * c.wr + (p.f - c.f0) * (p.f - c.f0) * c.wf + (p.m - c.m0) * (p.m - c.m0) * c.wm
      AS first,
    (p.r - c.r1) * (p.r - c.r1) * c.wr + (p.f - c.f1) * (p.f - c.f1) * c.wf + (p.m - c.m1) * (p.m - c.m1) * c.wm
      AS second,
    (p.r - c.r2) * (p.r - c.r2) * c.wr + (p.f - c.f2) * (p.f - c.f2) * c.wf + (p.m - c.m2) * (p.m - c.m2) * c.wm
      AS third
  FROM points AS p
  CROSS JOIN centres AS c
) AS measured
