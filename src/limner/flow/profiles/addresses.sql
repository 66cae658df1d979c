-- When each address was last seen; an identifier has one kind.
-- asof: timestamp, kinds: texts
SELECT kind, trace, epoch_us(max(happened_at)) AS seen
FROM identifiers
WHERE happened_at < :asof AND kind IN (:kinds)
GROUP BY kind, trace
