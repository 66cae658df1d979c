-- Orders by source, and how many of them look wrong, each with an order number to look at.
SELECT source, cast(count(*) AS bigint) AS orders,
  cast(count_if(amount < 0) AS bigint) AS below_zero,
  cast(count_if(amount IS NULL) AS bigint) AS no_amount,
  cast(count_if(amount = 0) AS bigint) AS free,
  cast(count_if(trace IS NULL) AS bigint) AS nobody,
  min(order_id) FILTER (WHERE amount < 0) AS below_zero_first,
  min(order_id) FILTER (WHERE amount IS NULL) AS no_amount_first,
  min(order_id) FILTER (WHERE amount = 0) AS free_first,
  min(order_id) FILTER (WHERE trace IS NULL) AS nobody_first
FROM events
WHERE name = 'Order Completed'
GROUP BY source
ORDER BY source
