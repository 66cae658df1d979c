-- Orders and refunds inside the window of each decision, with margin and benefit; see orders.py for the definitions.
-- asof: timestamp, ripe_before: timestamp, ripe_micros: int, costed: table
WITH costs AS (
  SELECT item_id, cost FROM costed
),
inside AS (
  SELECT t.decision, t.arm, t.coupon, t.benefit, e.name, e.seq, e.happened_at, e.order_id, e.item_id, e.quantity,
    coalesce(e.amount, 0) AS amount, e.p_coupon, e.p_coupon_amount
  FROM traced AS t
  JOIN events AS e ON e.trace = t.trace
  WHERE e.name IN ('Order Completed', 'Order Refunded')
    AND e.happened_at >= t.moment AND e.happened_at < t.until_at AND e.happened_at < :asof
),
goods AS (
  SELECT l.name, l.order_id, sum(cast(coalesce(l.quantity * c.cost, 0) AS decimal(18, 4))) AS cost,
    count_if(c.cost IS NULL) AS uncosted
  FROM lines AS l
  JOIN (SELECT DISTINCT name, order_id FROM inside) AS i ON i.order_id = l.order_id AND i.name = l.name
  LEFT JOIN costs AS c ON c.item_id = l.item_id
  WHERE l.happened_at < :asof
  GROUP BY l.name, l.order_id
),
refunded AS (
  SELECT r.order_id, sum(r.amount) AS amount, min(r.happened_at) AS first_at
  FROM events AS r
  JOIN (SELECT DISTINCT order_id FROM inside WHERE name = 'Order Completed') AS i ON i.order_id = r.order_id
  WHERE r.name = 'Order Refunded' AND r.happened_at < :asof
  GROUP BY r.order_id
),
bought AS (
  SELECT i.decision, i.amount AS paid,
    CASE WHEN i.amount > 0 THEN least(coalesce(r.amount, 0), i.amount) ELSE 0 END AS refunds,
    i.happened_at <= :ripe_before AS is_ripe,
    i.happened_at <= :ripe_before AND coalesce(epoch_us(r.first_at) - epoch_us(i.happened_at) < :ripe_micros, false)
      AS is_returned,
    coalesce(g.cost, cast(coalesce(i.quantity * c.cost, 0) AS decimal(18, 4))) AS cost,
    CASE WHEN coalesce(g.uncosted, CASE WHEN c.cost IS NULL THEN 1 ELSE 0 END) > 0 THEN 1 ELSE 0 END AS uncosted,
    CASE WHEN i.coupon <> '' AND i.p_coupon = i.coupon THEN coalesce(i.p_coupon_amount, i.benefit) ELSE 0 END AS coupon,
    CASE
      WHEN i.coupon <> '' OR i.arm <> 'granted' THEN 0
      WHEN row_number() OVER (PARTITION BY i.decision ORDER BY i.happened_at, i.seq) = 1 THEN i.benefit
      ELSE 0
    END AS gift
  FROM inside AS i
  LEFT JOIN goods AS g ON g.order_id = i.order_id AND g.name = i.name
  LEFT JOIN costs AS c ON c.item_id = i.item_id
  LEFT JOIN refunded AS r ON r.order_id = i.order_id
  WHERE i.name = 'Order Completed'
),
known AS (
  SELECT DISTINCT o.order_id
  FROM events AS o
  JOIN (SELECT DISTINCT order_id FROM inside WHERE name = 'Order Refunded') AS i ON i.order_id = o.order_id
  WHERE o.name = 'Order Completed' AND o.happened_at < :asof
),
parts AS (
  SELECT decision, 1 AS orders, uncosted, paid AS revenue, refunds,
    cast(paid + coupon - cost - round((paid + coupon - cost) * (refunds / nullif(paid, 0)), 4) AS decimal(18, 4)) AS kept,
    paid + coupon - cost AS whole,
    cast(coupon - round(coupon * (refunds / nullif(paid, 0)), 4) AS decimal(18, 4)) AS kept_coupon,
    coupon, gift, is_ripe, is_returned
  FROM bought
  UNION ALL
  SELECT i.decision, 0, 0, 0, i.amount,
    cast(coalesce(g.cost, i.quantity * c.cost, 0) - i.amount AS decimal(18, 4)), 0, 0, 0, 0, false, false
  FROM inside AS i
  LEFT JOIN known AS k ON k.order_id = i.order_id
  LEFT JOIN goods AS g ON g.order_id = i.order_id AND g.name = i.name
  LEFT JOIN costs AS c ON c.item_id = i.item_id
  WHERE i.name = 'Order Refunded' AND k.order_id IS NULL
)
SELECT decision, cast(sum(orders) AS bigint) AS orders, cast(sum(uncosted) AS bigint) AS uncosted,
  sum(revenue) AS revenue, sum(refunds) AS refunds, sum(coalesce(kept, whole)) AS margin,
  sum(coalesce(kept_coupon, coupon) + gift) AS benefit, bool_or(is_ripe) AS is_ripe,
  bool_or(is_returned) AS is_returned
FROM parts
GROUP BY decision
