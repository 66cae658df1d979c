-- How dear the things are that a customer buys among others of their category, and how much they spend, since a day.
-- Both are places among all in ten-thousandths: the share that is less, and half of the equal ones. A line whose
-- category or price nobody knows is left out; a category of one line tells nothing and gives the middle.
-- lines: table, orders: table, since: int, least: int, price_weight: int
WITH priced AS (
  SELECT number, top_category, cast(coalesce(price, amount / nullif(quantity, 0)) AS DECIMAL(18, 4)) AS paid
  FROM lines
  WHERE is_order AND day >= :since AND NOT top_category IS NULL
),
bought AS (
  SELECT number, top_category, paid
  FROM priced
  WHERE paid > 0
),
prices AS (
  SELECT top_category, paid, (2 * (sum(many) OVER upward - many) + many) * 5000 // sum(many) OVER whole AS place
  FROM (SELECT top_category, paid, count(*) AS many FROM bought GROUP BY top_category, paid) AS counted
  WINDOW upward AS (PARTITION BY top_category ORDER BY paid), whole AS (PARTITION BY top_category)
),
dear AS (
  SELECT b.number, count(*) AS bought, cast(sum(p.place) // count(*) AS INT) AS price
  FROM bought AS b
  JOIN prices AS p ON p.top_category = b.top_category AND p.paid = b.paid
  GROUP BY b.number
),
spent AS (
  SELECT number, sum(net) AS net
  FROM orders
  WHERE day >= :since AND NOT net IS NULL
  GROUP BY number
),
sums AS (
  SELECT net, (2 * (sum(many) OVER upward - many) + many) * 5000 // sum(many) OVER whole AS place
  FROM (SELECT net, count(*) AS many FROM spent GROUP BY net) AS counted
  WINDOW upward AS (ORDER BY net), whole AS (PARTITION BY 1)
)
SELECT
  number,
  price,
  spend,
  score,
  CASE WHEN score >= 67 THEN 2 WHEN score >= 34 THEN 1 ELSE 0 END AS power
FROM (
  SELECT
    d.number,
    d.price // 100 AS price,
    cast(m.place // 100 AS INT) AS spend,
    cast((d.price * :price_weight + m.place * (100 - :price_weight)) // 10000 AS INT) AS score
  FROM dear AS d
  JOIN spent AS s ON s.number = d.number
  JOIN sums AS m ON m.net = s.net
  WHERE d.bought >= :least
) AS mixed
