-- Every property a customer stated.
SELECT t.* FROM traits AS t JOIN asked AS a ON a.trace = t.trace ORDER BY name, happened_at, seq
