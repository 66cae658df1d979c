-- Items as known before the asof: their category, empty without one.
-- asof: timestamp
SELECT item_id, coalesce(category, '') AS category
FROM (
  SELECT item_id, category, row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) AS place
  FROM items
  WHERE happened_at < :asof AND NOT item_id IS NULL
) AS latest
WHERE place = 1
