-- The stage of each buyer by their own rhythm.
-- The rhythm is the mean gap between order days, drawn towards the median gap of all by one virtual gap: a customer
-- with one order is judged by the others, one with many by their own. Everything is compared in whole numbers:
-- silence > k × rhythm  ⇔  silence × (gaps + 1) > k × (span + usual).
-- answers: table, starting: int, sleeping: int, lost: int, least_sleeping: int, least_lost: int, unheard: int
SELECT
  number,
  CASE
    WHEN silence > :least_lost AND silence * (gaps + 1) > :lost * (span + usual) THEN 3
    WHEN silence > :least_sleeping AND silence * (gaps + 1) > :sleeping * (span + usual) THEN 2
    WHEN tenure <= :starting THEN 0
    ELSE 1
  END AS stage
FROM (
  SELECT
    b.number,
    b.silence,
    b.tenure,
    b.order_days - 1 AS gaps,
    b.tenure - b.silence AS span,
    coalesce(u.usual, :unheard) AS usual
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
