-- What was heard of each decision's message and from its customer inside the window.
-- asof: timestamp
WITH said AS (
  SELECT w.decision, e.name
  FROM wanted AS w
  JOIN events AS e ON e.touch_id = w.touch_id
  WHERE e.name IN ('Message Delivered', 'Message Opened', 'Message Clicked', 'Message Unsubscribed', 'Message Complained')
    AND e.happened_at < w.until_at AND e.happened_at < :asof
  UNION ALL
  SELECT t.decision, e.name
  FROM traced AS t
  JOIN events AS e ON e.trace = t.trace
  WHERE e.name IN ('Message Unsubscribed', 'Message Complained')
    AND e.happened_at >= t.moment AND e.happened_at < t.until_at AND e.happened_at < :asof
  UNION ALL
  SELECT t.decision, 'Message Unsubscribed' AS name
  FROM traced AS t
  JOIN refusals AS r ON r.trace = t.trace
  WHERE r.happened_at >= t.moment AND r.happened_at < t.until_at AND r.happened_at < :asof
)
SELECT decision,
  bool_or(name IN ('Message Delivered', 'Message Opened', 'Message Clicked')) AS is_delivered,
  bool_or(name IN ('Message Opened', 'Message Clicked')) AS is_opened,
  bool_or(name = 'Message Clicked') AS is_clicked,
  bool_or(name = 'Message Unsubscribed') AS is_opted_out,
  bool_or(name = 'Message Complained') AS is_complained
FROM said
GROUP BY decision
