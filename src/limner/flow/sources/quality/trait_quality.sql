-- newest: timestamp
-- How sound each trait is: people, statements, repeats, people stated within a year, and people on whom sources agree.
WITH stated AS (
    SELECT name, trace, source, happened_at,
        coalesce(text, CAST(number AS VARCHAR), CAST(instant AS VARCHAR)) AS value
    FROM traits
),

latest AS (
    SELECT name, trace, source, max(happened_at) AS happened_at, arg_max(value, happened_at) AS value
    FROM stated
    GROUP BY name, trace, source
),

people AS (
    SELECT name, trace, count(*) AS sources, count(DISTINCT value) AS answers, max(happened_at) AS happened_at
    FROM latest
    GROUP BY name, trace
),

each AS (
    SELECT name, trace, source, happened_at, value, count(*) AS times
    FROM stated
    GROUP BY name, trace, source, happened_at, value
),

repeats AS (
    SELECT name, CAST(sum(times) AS BIGINT) AS statements, CAST(count(*) AS BIGINT) AS different
    FROM each
    GROUP BY name
)

SELECT p.name, CAST(count(*) AS BIGINT) AS people,
    CAST(count_if(p.happened_at >= :newest - INTERVAL 365 DAY) AS BIGINT) AS fresh,
    CAST(count_if(p.sources > 1) AS BIGINT) AS shared,
    CAST(count_if(p.sources > 1 AND p.answers = 1) AS BIGINT) AS agreed,
    max(r.statements) AS statements, max(r.different) AS different
FROM people AS p
INNER JOIN repeats AS r ON p.name = r.name
GROUP BY p.name
ORDER BY p.name
