-- asof: timestamp
SELECT DISTINCT least(trace, with_trace) AS low, greatest(trace, with_trace) AS high
FROM identifiers
WHERE happened_at < :asof AND trace IS NOT NULL AND with_trace IS NOT NULL AND trace <> with_trace
ORDER BY low, high
