-- Whom a customer is tied to; the other side stands as an identifier's number.
SELECT r.*
FROM relations AS r
WHERE r.trace IN (SELECT trace FROM asked) OR r.other_trace IN (SELECT trace FROM asked)
ORDER BY happened_at, seq
