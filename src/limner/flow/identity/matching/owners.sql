SELECT links.number AS number, min(links.trace) AS trace
FROM links
GROUP BY links.number
