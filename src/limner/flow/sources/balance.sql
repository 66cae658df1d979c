-- Paid and refunded by source, over all time.
SELECT source,
  sum(CASE WHEN name = 'Order Completed' THEN amount END) AS paid,
  sum(CASE WHEN name = 'Order Refunded' THEN amount END) AS refunded
FROM events
WHERE name IN ('Order Completed', 'Order Refunded')
GROUP BY source
ORDER BY source
