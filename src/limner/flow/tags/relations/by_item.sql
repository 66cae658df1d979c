-- One row per customer and item.
-- item_events: table
SELECT
  number,
  item_id,
  max(top_category) AS top_category,
  max(happened_at) FILTER (WHERE name = 'Product Viewed') AS viewed_at,
  max(day) FILTER (WHERE name = 'Product Viewed') AS viewed_day,
  count(*) FILTER (WHERE name = 'Product Viewed') AS views,
  max(happened_at) FILTER (WHERE name = 'Product Favorited') AS favourited_at,
  max(day) FILTER (WHERE name = 'Product Favorited') AS favourited_day,
  count(*) FILTER (WHERE name = 'Product Favorited') AS favourites,
  max(happened_at) FILTER (WHERE name = 'Product Added') AS added_at,
  max(day) FILTER (WHERE name = 'Product Added') AS added_day,
  max(happened_at) FILTER (WHERE name = 'Order Completed') AS bought_at,
  max(day) FILTER (WHERE name = 'Order Completed') AS bought_day,
  count(*) FILTER (WHERE name = 'Order Completed') AS purchases
FROM item_events
WHERE NOT item_id IS NULL
GROUP BY number, item_id
