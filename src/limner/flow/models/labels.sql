-- The customers to whom an event happened in [since, until).
-- since: timestamp, until: timestamp, event: text
SELECT DISTINCT l.number
FROM events AS e
JOIN links AS l ON l.trace = e.trace
WHERE e.name = :event AND e.happened_at >= :since AND e.happened_at < :until
ORDER BY l.number
