-- The trace of an identifier, and its customer when it has one.
-- kind: text
SELECT traces.trace AS trace, links.number AS number
FROM traces
JOIN asked ON asked.hash = traces.hash
LEFT JOIN links ON links.trace = traces.trace
WHERE traces.kind = :kind
