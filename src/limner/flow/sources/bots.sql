-- most: int
-- Traces with more events in one minute than a person can do: how many, and their events, by source.
WITH minutes AS (
    SELECT source, trace, epoch_us(happened_at) // 60000000 AS minute, count(*) AS n
    FROM events
    WHERE trace IS NOT NULL AND name NOT LIKE 'Message %'
    GROUP BY ALL
),

fast AS (
    SELECT source, trace, max(n) AS fastest
    FROM minutes
    GROUP BY source, trace
    HAVING max(n) > :most
)

SELECT f.source, CAST(count(DISTINCT f.trace) AS BIGINT) AS traces, max(f.fastest) AS fastest,
    CAST(sum(e.n) AS BIGINT) AS events
FROM fast AS f
INNER JOIN (SELECT source, trace, count(*) AS n FROM events GROUP BY source, trace) AS e
    ON f.source = e.source AND f.trace = e.trace
GROUP BY f.source
ORDER BY f.source
