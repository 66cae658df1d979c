-- What a customer holds or held.
SELECT h.* FROM holdings AS h JOIN asked AS a ON a.trace = h.trace ORDER BY happened_at, seq
