-- asof: timestamp
SELECT trace, coalesce(with_trace, trace) AS beside, kind
FROM identifiers
WHERE happened_at < :asof AND trace IS NOT NULL
