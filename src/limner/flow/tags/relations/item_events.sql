-- What happened to single items before the asof: events that name an item, and the lines of orders.
-- asof: timestamp
SELECT
  l.number,
  t.name,
  t.happened_at,
  t.day,
  t.item_id,
  coalesce(t.category, i.category) AS category,
  CASE WHEN t.category IS NULL THEN i.top_category ELSE split_part(t.category, '/', 1) END AS top_category
FROM (
  SELECT trace, name, happened_at, day, item_id, category
  FROM events
  WHERE happened_at < :asof AND (NOT item_id IS NULL OR NOT category IS NULL)
  UNION ALL
  SELECT trace, name, happened_at, day, item_id, category
  FROM lines
  WHERE happened_at < :asof
) AS t
JOIN links AS l ON l.trace = t.trace
LEFT JOIN (
  SELECT item_id, category, split_part(category, '/', 1) AS top_category
  FROM (
    SELECT item_id, category, row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) AS place
    FROM items
    WHERE happened_at < :asof
  ) AS latest
  WHERE place = 1
) AS i ON i.item_id = t.item_id
