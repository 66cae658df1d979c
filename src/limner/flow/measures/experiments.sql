-- The experiments that have outcomes: when the last of their windows ends, and how many decisions still wait for it.
SELECT campaign, experiment, max(plan_id) AS last_plan, min(moment) AS first_at, max(until_at) AS until_at,
  count(*) AS decisions, count_if(NOT is_complete) AS still_open, max(CASE WHEN NOT is_complete THEN until_at END) AS open_until
FROM outcomes
GROUP BY campaign, experiment
ORDER BY campaign, last_plan
