-- Lines of completed orders and of refunds before the asof; the category of the item where the line has none.
-- asof: timestamp
SELECT
  l.number,
  x.*,
  x.name = 'Order Completed' AS is_order,
  x.name = 'Order Refunded' AS is_refund,
  CASE WHEN x.category IS NULL THEN i.top_category ELSE split_part(x.category, '/', 1) END AS top_category
FROM lines AS x
JOIN links AS l ON l.trace = x.trace
LEFT JOIN (
  SELECT item_id, split_part(category, '/', 1) AS top_category
  FROM (
    SELECT item_id, category, row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) AS place
    FROM items
    WHERE happened_at < :asof
  ) AS latest
  WHERE place = 1
) AS i ON i.item_id = x.item_id
WHERE x.happened_at < :asof AND x.name IN ('Order Completed', 'Order Refunded')
