-- The net of orders and refunds that belong to no customer.
-- asof: timestamp
SELECT sum(CASE WHEN e.name = 'Order Completed' THEN e.amount ELSE -e.amount END) AS net
FROM events AS e
LEFT JOIN links AS l ON l.trace = e.trace
WHERE e.name IN ('Order Completed', 'Order Refunded') AND e.happened_at < :asof AND l.number IS NULL
