-- wanted: table
SELECT trace, number, part
FROM links
WHERE number IN (SELECT w.number FROM wanted AS w)
ORDER BY trace
