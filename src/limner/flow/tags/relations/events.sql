-- Everything that happened to customers before the asof.
-- asof: timestamp
SELECT
  l.number,
  e.*,
  e.name NOT IN ('Message Handed Over', 'Message Delivered', 'Message Bounced') AS is_act,
  (e.day + 3) % 7 AS weekday
FROM events AS e
JOIN links AS l ON l.trace = e.trace
WHERE e.happened_at < :asof
