-- The most events of one trace within one minute.
SELECT coalesce(max(n), 0) AS fastest, CAST(coalesce(sum(n), 0) AS BIGINT) AS events
FROM (
    SELECT trace, epoch_us(happened_at) // 60000000 AS minute, count(*) AS n
    FROM events
    WHERE trace IS NOT NULL
    GROUP BY ALL
)
