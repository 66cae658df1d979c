-- Texts that stand for one customer's orders and sessions.
SELECT DISTINCT found.word AS word
FROM (
  SELECT e.order_id AS word FROM events AS e JOIN asked AS a ON a.trace = e.trace
  UNION ALL
  SELECT e.session AS word FROM events AS e JOIN asked AS a ON a.trace = e.trace
) AS found
WHERE found.word IS NOT NULL
ORDER BY word
