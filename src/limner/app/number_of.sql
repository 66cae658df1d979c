-- kind: text
SELECT links.number AS number
FROM traces
JOIN asked ON asked.hash = traces.hash
JOIN links ON links.trace = traces.trace
WHERE traces.kind = :kind
