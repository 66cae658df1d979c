-- Every identifier of a customer.
-- number: int
SELECT trace FROM links WHERE number = :number ORDER BY trace
