-- Everything a customer did.
SELECT e.* FROM events AS e JOIN asked AS a ON a.trace = e.trace ORDER BY happened_at, seq
