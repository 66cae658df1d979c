-- wanted: table
SELECT trace, number
FROM links
WHERE trace IN (SELECT w.trace FROM wanted AS w)
ORDER BY trace
