-- The numbers that were given to a customer's identifiers.
SELECT DISTINCT m.number AS number FROM mints AS m JOIN asked AS a ON a.trace = m.trace ORDER BY number
