-- The kinds and hashes of identifiers.
SELECT t.trace AS trace, t.kind AS kind, t.hash AS hash FROM traces AS t JOIN asked AS a ON a.trace = t.trace ORDER BY trace
