-- What followed the decisions about a customer.
SELECT o.* FROM outcomes AS o JOIN numbered AS n ON n.number = o.number ORDER BY moment, decision
