-- The outcomes of one experiment.
-- experiment: text
SELECT *
FROM outcomes
WHERE experiment = :experiment
