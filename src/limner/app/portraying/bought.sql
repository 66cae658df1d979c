-- How many of the customers asked for bought each item, and each category, in the days before an instant.
-- asof: timestamp, since: timestamp
WITH known AS (
  SELECT item_id, max(name) AS name, max(category) AS category FROM items GROUP BY item_id
), bought AS (
  SELECT DISTINCT links.number AS number, lines.item_id AS item_id, coalesce(lines.category, known.category) AS category, known.name AS name
  FROM lines
  JOIN links ON links.trace = lines.trace
  LEFT JOIN known ON known.item_id = lines.item_id
  WHERE lines.name = 'Order Completed' AND lines.happened_at < :asof AND lines.happened_at >= :since
), put AS (
  SELECT bought.number AS number, bought.item_id AS item_id, bought.category AS category, bought.name AS name,
    chosen.in_group AS in_group, chosen.in_base AS in_base
  FROM bought
  JOIN chosen ON chosen.number = bought.number
), counted AS (
  SELECT 'items' AS kind, item_id AS word, max(name) AS name, count(DISTINCT CASE WHEN in_group THEN number END) AS in_group,
    count(DISTINCT CASE WHEN in_base THEN number END) AS in_base,
    count(DISTINCT CASE WHEN in_group AND in_base THEN number END) AS in_both
  FROM put
  WHERE item_id IS NOT NULL
  GROUP BY item_id
  UNION ALL
  SELECT 'categories' AS kind, category AS word, NULL AS name, count(DISTINCT CASE WHEN in_group THEN number END) AS in_group,
    count(DISTINCT CASE WHEN in_base THEN number END) AS in_base,
    count(DISTINCT CASE WHEN in_group AND in_base THEN number END) AS in_both
  FROM put
  WHERE category IS NOT NULL
  GROUP BY category
  UNION ALL
  SELECT 'all' AS kind, NULL AS word, NULL AS name, count(DISTINCT CASE WHEN in_group THEN number END) AS in_group,
    count(DISTINCT CASE WHEN in_base THEN number END) AS in_base,
    count(DISTINCT CASE WHEN in_group AND in_base THEN number END) AS in_both
  FROM put
)
SELECT kind, word, name, in_group, in_base, in_both
FROM counted
ORDER BY kind, in_base DESC, word
