-- asof: timestamp
SELECT trace, min(kind) AS kind, min(strength) AS strength
FROM identifiers
WHERE happened_at < :asof AND trace IS NOT NULL
GROUP BY trace
ORDER BY trace
