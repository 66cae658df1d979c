-- newest: timestamp
-- How sound each trait is: people, statements, repeats, people stated within a year, and people on whom sources agree.
-- A person is a customer of the newest links; until there are any, whoever a row speaks of.
WITH known AS (
    SELECT trace FROM traits
    UNION
    SELECT trace FROM events
    UNION
    SELECT trace FROM identifiers WHERE with_trace IS NULL
),

owners AS (
    SELECT k.trace, coalesce(l.number, -k.trace) AS owner
    FROM known AS k
    LEFT JOIN links AS l ON k.trace = l.trace
    WHERE k.trace IS NOT NULL
),

stated AS (
    SELECT t.name, o.owner, t.source, t.happened_at,
        coalesce(t.text, CAST(t.number AS VARCHAR), CAST(t.instant AS VARCHAR)) AS value
    FROM traits AS t
    INNER JOIN owners AS o ON t.trace = o.trace
),

latest AS (
    SELECT name, owner, source, max(happened_at) AS happened_at, arg_max(value, happened_at) AS value
    FROM stated
    GROUP BY name, owner, source
),

people AS (
    SELECT name, owner, count(*) AS sources, count(DISTINCT value) AS answers, max(happened_at) AS happened_at
    FROM latest
    GROUP BY name, owner
),

each AS (
    SELECT name, owner, source, happened_at, value, count(*) AS times
    FROM stated
    GROUP BY name, owner, source, happened_at, value
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
    max(r.statements) AS statements, max(r.different) AS different,
    (SELECT CAST(count(DISTINCT owner) AS BIGINT) FROM owners) AS everybody
FROM people AS p
INNER JOIN repeats AS r ON p.name = r.name
GROUP BY p.name
ORDER BY p.name
