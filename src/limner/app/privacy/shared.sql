-- Which of some identifiers stood in a record with an identifier that is none of the customer's.
SELECT DISTINCT a.trace AS trace
FROM identifiers AS i
JOIN asked AS a ON a.trace = i.trace
LEFT JOIN own AS o ON o.trace = i.with_trace
WHERE i.with_trace IS NOT NULL AND o.trace IS NULL
UNION
SELECT DISTINCT a.trace AS trace
FROM identifiers AS i
JOIN asked AS a ON a.trace = i.with_trace
LEFT JOIN own AS o ON o.trace = i.trace
WHERE i.trace IS NOT NULL AND o.trace IS NULL
