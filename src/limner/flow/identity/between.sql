-- low: timestamp, high: timestamp
SELECT trace FROM identifiers WHERE happened_at >= :low AND happened_at < :high AND trace IS NOT NULL
UNION
SELECT with_trace AS trace FROM identifiers
WHERE happened_at >= :low AND happened_at < :high AND with_trace IS NOT NULL
