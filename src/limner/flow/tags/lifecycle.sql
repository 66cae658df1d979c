-- The stage of each buyer by their own rhythm.
-- If gaps come at random at a rate of the customer's own, and rates are spread as if everybody had shown four gaps of
-- the usual length before, a customer who is still there stays silent for longer than s with the chance
-- (1 + s / (span + 4 × usual)) ^ −(gaps + 4). A stage is said when that is below exp(−k).
-- answers: table, starting: int, sleeping: int, lost: int, least_sleeping: int, least_lost: int, unheard: int
SELECT
  number,
  CASE
    WHEN silence > :least_lost AND doubt > :lost THEN 3
    WHEN silence > :least_sleeping AND doubt > :sleeping THEN 2
    WHEN tenure <= :starting THEN 0
    ELSE 1
  END AS stage
FROM (
  SELECT
    b.number,
    b.silence,
    b.tenure,
    (b.order_days - 1 + 4)
    * ln(1 + cast(b.silence AS DOUBLE) / cast(b.tenure - b.silence + 4 * coalesce(u.usual, :unheard) AS DOUBLE)) AS doubt
  FROM (
    SELECT number, silence, tenure, order_days
    FROM answers
    WHERE order_days > 0
  ) AS b
  CROSS JOIN (
    SELECT cast(floor(median((tenure - silence) // (order_days - 1))) AS BIGINT) AS usual
    FROM answers
    WHERE order_days > 1
  ) AS u
) AS rhythms
