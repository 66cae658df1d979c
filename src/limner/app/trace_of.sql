-- kind: text
SELECT traces.trace AS trace
FROM traces
JOIN asked ON asked.hash = traces.hash
WHERE traces.kind = :kind
