-- The newest local day of each source's events.
SELECT source, max(day) AS newest_day
FROM events
GROUP BY source
ORDER BY source
