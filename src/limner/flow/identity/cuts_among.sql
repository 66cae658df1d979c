-- wanted: table
SELECT trace, beside, reason
FROM cuts
WHERE trace IN (SELECT w.trace FROM wanted AS w) OR beside IN (SELECT w.trace FROM wanted AS w)
ORDER BY trace, beside
