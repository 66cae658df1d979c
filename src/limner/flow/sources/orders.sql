-- Orders by source, and how many of them look wrong.
SELECT source, cast(count(*) AS bigint) AS orders,
  cast(count_if(amount < 0) AS bigint) AS below_zero,
  cast(count_if(amount IS NULL) AS bigint) AS no_amount,
  cast(count_if(amount = 0) AS bigint) AS free,
  cast(count_if(trace IS NULL) AS bigint) AS nobody
FROM events
WHERE name = 'Order Completed'
GROUP BY source
ORDER BY source
