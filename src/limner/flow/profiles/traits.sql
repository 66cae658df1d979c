-- asof: timestamp
SELECT links.number AS number, traits.name AS name, traits.text AS text, traits.number AS amount, traits.instant AS moment
FROM traits
JOIN links ON links.trace = traits.trace
WHERE traits.happened_at < :asof AND (traits.until_at IS NULL OR traits.until_at >= :asof)
ORDER BY traits.name, links.number, traits.happened_at, traits.seq
