-- The outcomes of one experiment.
-- experiment: text
SELECT *, orders > 0 AS has_order
FROM outcomes
WHERE experiment = :experiment
