-- Completed orders and refunds before the asof.
-- asof: timestamp
SELECT
  l.number,
  e.*,
  e.name = 'Order Completed' AS is_order,
  e.name = 'Order Refunded' AS is_refund,
  CASE WHEN e.name = 'Order Completed' THEN e.amount ELSE -e.amount END AS net,
  (e.day + 3) % 7 AS weekday
FROM events AS e
JOIN links AS l ON l.trace = e.trace
WHERE e.happened_at < :asof AND e.name IN ('Order Completed', 'Order Refunded')
