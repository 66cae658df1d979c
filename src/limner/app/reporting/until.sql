-- The last instant anything is known to have happened before an instant.
-- asof: timestamp
SELECT max(happened_at) AS until_at
FROM events
WHERE happened_at < :asof
