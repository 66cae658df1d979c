-- What each item costs, by the newest row that says so.
-- asof: timestamp
SELECT item_id, cost
FROM (
  SELECT item_id, cost, row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) AS place
  FROM items
  WHERE happened_at < :asof AND cost IS NOT NULL
) AS newest
WHERE place = 1
