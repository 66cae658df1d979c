-- Orders of a span: how many, what was paid and given back, what their goods cost, and how many have goods without a cost.
-- since: timestamp, asof: timestamp, costed: table
WITH costs AS (
  SELECT item_id, cost FROM costed
),
goods AS (
  SELECT l.order_id, sum(cast(coalesce(l.quantity * c.cost, 0) AS decimal(18, 4))) AS cost,
    count_if(c.cost IS NULL) AS uncosted
  FROM lines AS l
  LEFT JOIN costs AS c ON c.item_id = l.item_id
  WHERE l.name = 'Order Completed' AND l.happened_at >= :since AND l.happened_at < :asof
  GROUP BY l.order_id
)
SELECT count_if(e.name = 'Order Completed') AS orders,
  sum(CASE WHEN e.name = 'Order Completed' THEN e.amount END) AS paid,
  sum(CASE WHEN e.name = 'Order Refunded' THEN e.amount END) AS refunded,
  sum(CASE WHEN e.name = 'Order Completed' THEN coalesce(g.cost, cast(e.quantity * c.cost AS decimal(18, 4))) END) AS cost,
  count_if(e.name = 'Order Completed' AND coalesce(g.uncosted, CASE WHEN c.cost IS NULL THEN 1 ELSE 0 END) > 0)
    AS uncosted
FROM events AS e
LEFT JOIN goods AS g ON g.order_id = e.order_id
LEFT JOIN costs AS c ON c.item_id = e.item_id
WHERE e.name IN ('Order Completed', 'Order Refunded') AND e.happened_at >= :since AND e.happened_at < :asof
