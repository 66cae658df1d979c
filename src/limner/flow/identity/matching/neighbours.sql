-- asof: timestamp
SELECT links.number AS number, 'items' AS sort, events.item_id AS value
FROM events
JOIN links ON links.trace = events.trace
WHERE events.happened_at < :asof AND events.item_id IS NOT NULL
UNION
SELECT links.number AS number, 'items' AS sort, lines.item_id AS value
FROM lines
JOIN links ON links.trace = lines.trace
WHERE lines.happened_at < :asof AND lines.item_id IS NOT NULL
UNION
SELECT links.number AS number, 'relations' AS sort, CAST(relations.other_trace AS VARCHAR) AS value
FROM relations
JOIN links ON links.trace = relations.trace
WHERE relations.happened_at < :asof AND relations.other_trace IS NOT NULL
UNION
SELECT links.number AS number, 'devices' AS sort, CAST(identifiers.trace AS VARCHAR) AS value
FROM identifiers
JOIN links ON links.trace = identifiers.with_trace
WHERE identifiers.happened_at < :asof AND identifiers.strength IN ('device', 'never')
