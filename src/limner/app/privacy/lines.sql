-- The lines of a customer's orders.
SELECT l.* FROM lines AS l JOIN asked AS a ON a.trace = l.trace ORDER BY happened_at, seq
