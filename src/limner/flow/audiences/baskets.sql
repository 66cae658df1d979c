-- What customers bought before the asof, from a day on: one row per order and item, with the item's category where the
-- row has none, and whether any of it was sold below its list price or with a coupon.
-- asof: timestamp, since: int
SELECT
  l.number,
  b.order_id,
  b.item_id,
  max(b.day) AS day,
  coalesce(max(b.category), max(i.category)) AS category,
  max(i.name) AS name,
  bool_or(b.is_promoted) AS is_promoted
FROM (
  SELECT trace, order_id, item_id, day, category, coalesce(price < list_price, FALSE) AS is_promoted
  FROM lines
  WHERE happened_at < :asof AND day >= :since AND name = 'Order Completed' AND NOT item_id IS NULL
  UNION ALL
  SELECT trace, order_id, item_id, day, category, NOT p_coupon IS NULL AS is_promoted
  FROM events
  WHERE happened_at < :asof AND day >= :since AND name = 'Order Completed' AND NOT item_id IS NULL
) AS b
JOIN links AS l ON l.trace = b.trace
LEFT JOIN (
  SELECT item_id, name, category
  FROM (
    SELECT item_id, name, category, row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) AS place
    FROM items
    WHERE happened_at < :asof
  ) AS latest
  WHERE place = 1
) AS i ON i.item_id = b.item_id
GROUP BY l.number, b.order_id, b.item_id
