-- How far each customer has come towards the next purchase, by what they did since the last one and since a day.
-- 0 need, 1 search, 2 compare, 3 buy, 4 after.
-- events: table, item_events: table, since: int, fresh: int
SELECT
  number,
  CASE
    WHEN carted > 0 THEN 3
    WHEN compared > 0 THEN 2
    WHEN searched > 0 THEN 1
    WHEN ordered_day >= :fresh THEN 4
    WHEN acted > 0 THEN 0
  END AS stage
FROM (
  SELECT
    number,
    max(ordered_day) AS ordered_day,
    sum(carted) AS carted,
    sum(compared) AS compared,
    sum(searched) AS searched,
    sum(acted) AS acted
  FROM (
    SELECT
      e.number,
      o.ordered_day,
      CASE WHEN e.name IN ('Product Added', 'Order Placed') THEN 1 ELSE 0 END AS carted,
      0 AS compared,
      CASE WHEN e.name IN ('Product Searched', 'Product Viewed', 'Product Favorited') THEN 1 ELSE 0 END AS searched,
      1 AS acted
    FROM events AS e
    LEFT JOIN (
      SELECT number, max(happened_at) AS ordered_at, max(day) AS ordered_day
      FROM events
      WHERE name = 'Order Completed'
      GROUP BY number
    ) AS o ON o.number = e.number
    WHERE e.is_act AND e.day >= :since AND (o.ordered_at IS NULL OR e.happened_at > o.ordered_at)
    UNION ALL
    SELECT number, max(day) AS ordered_day, 0 AS carted, 0 AS compared, 0 AS searched, 0 AS acted
    FROM events
    WHERE name = 'Order Completed'
    GROUP BY number
    UNION ALL
    SELECT number, NULL AS ordered_day, 0 AS carted, 1 AS compared, 0 AS searched, 0 AS acted
    FROM (
      SELECT i.number, i.top_category, count(DISTINCT i.item_id) AS items
      FROM item_events AS i
      LEFT JOIN (
        SELECT number, max(happened_at) AS ordered_at
        FROM events
        WHERE name = 'Order Completed'
        GROUP BY number
      ) AS o ON o.number = i.number
      WHERE
        i.name IN ('Product Viewed', 'Product Favorited')
        AND NOT i.top_category IS NULL
        AND i.day >= :since
        AND (o.ordered_at IS NULL OR i.happened_at > o.ordered_at)
      GROUP BY i.number, i.top_category
    ) AS looked
    WHERE items >= 2
  ) AS acts
  GROUP BY number
) AS summed
