-- plan_id: int
SELECT decision, number, trace, arm, answer, reason, offer, channel, moment, latest_at, value, cost
FROM decisions
WHERE plan_id = :plan_id
ORDER BY value DESC, decision
