-- asof: timestamp, kinds: texts
SELECT identifiers.kind AS kind, links.number AS number, identifiers.trace AS trace
FROM identifiers
JOIN links ON links.trace = identifiers.trace
WHERE identifiers.happened_at < :asof AND identifiers.kind IN (:kinds)
GROUP BY identifiers.kind, links.number, identifiers.trace
ORDER BY identifiers.kind, links.number, max(identifiers.happened_at), identifiers.trace
