-- Every identifier that is known.
SELECT t.trace AS trace FROM traces AS t ORDER BY trace
