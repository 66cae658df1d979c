-- asof: timestamp
-- wanted: table
SELECT DISTINCT trace, kind
FROM identifiers
WHERE happened_at < :asof AND trace IN (SELECT w.trace FROM wanted AS w)
