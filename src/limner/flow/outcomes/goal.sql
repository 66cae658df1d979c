-- The first goal event inside the window of each decision.
-- asof: timestamp
SELECT t.decision, count(*) > 0 AS is_converted, min(e.happened_at) AS converted_at
FROM traced AS t
JOIN events AS e ON e.trace = t.trace AND e.name = t.goal
WHERE e.happened_at >= t.moment AND e.happened_at < t.until_at AND e.happened_at < :asof
GROUP BY t.decision
