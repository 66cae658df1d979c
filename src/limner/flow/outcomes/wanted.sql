-- The decisions to which outcomes are attached, under the customer's number of today, and how long each window runs:
-- to its own end, or to the customer's next decision in the same experiment, so that no order counts twice.
-- A decision about a person who was erased has the number 0; what followed it cannot be known, in either arm.
-- sent: table, terms: table
-- asof: timestamp
WITH today AS (
  SELECT m.number AS minted, l.number
  FROM mints AS m
  JOIN links AS l ON l.trace = m.trace
),
mine AS (
  SELECT d.decision, d.plan_id, d.campaign, d.experiment, coalesce(t.number, d.number) AS number, d.arm, d.channel,
    d.offer, s.moment, s.until_at, s.touch_id, coalesce(s.cost, 0) AS contact_cost
  FROM decisions AS d
  JOIN sent AS s ON s.decision = d.decision
  LEFT JOIN today AS t ON t.minted = d.number
  WHERE d.answer IN ('granted', 'held_out') AND s.moment < :asof AND d.number <> 0
)
SELECT n.decision, n.plan_id, n.campaign, n.experiment, n.number, n.arm, n.channel, n.offer, n.moment,
  least(n.until_at, coalesce(n.next_at, n.until_at)) AS until_at,
  least(n.until_at, coalesce(n.next_at, n.until_at)) <= :asof AS is_complete,
  n.touch_id, n.contact_cost, p.goal, p.coupon, p.benefit
FROM (
  SELECT *, lead(moment) OVER (PARTITION BY experiment, number ORDER BY moment, decision) AS next_at
  FROM mine
) AS n
JOIN terms AS p ON p.plan_id = n.plan_id AND p.offer = n.offer
ORDER BY n.decision
