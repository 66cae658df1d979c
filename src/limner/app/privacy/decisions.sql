-- Every decision about a customer, with its reason.
SELECT d.* FROM decisions AS d JOIN numbered AS n ON n.number = d.number ORDER BY happened_at, decision
