-- Paid and refunded by local day and source.
-- asof: timestamp
SELECT day, source, cast(count_if(name = 'Order Completed') AS bigint) AS orders, cast(count_if(name = 'Order Refunded') AS bigint) AS refunds,
  sum(CASE WHEN name = 'Order Completed' THEN amount END) AS paid,
  sum(CASE WHEN name = 'Order Refunded' THEN amount END) AS refunded
FROM events
WHERE name IN ('Order Completed', 'Order Refunded') AND happened_at < :asof
GROUP BY day, source
ORDER BY day, source
