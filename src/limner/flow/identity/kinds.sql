-- asof: timestamp
SELECT DISTINCT kind FROM identifiers WHERE happened_at < :asof AND trace IS NOT NULL ORDER BY kind
