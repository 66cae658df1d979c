-- What each customer bought before the asof, one row per customer and local day.
-- asof: timestamp, event: text
SELECT l.number, e.day, sum(e.amount) AS amount
FROM events AS e
JOIN links AS l ON l.trace = e.trace
WHERE e.name = :event AND e.happened_at < :asof
GROUP BY l.number, e.day
ORDER BY l.number, e.day
