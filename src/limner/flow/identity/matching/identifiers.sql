-- asof: timestamp, kinds: texts
SELECT
  links.number AS number,
  identifiers.kind AS kind,
  epoch_us(identifiers.happened_at) AS told,
  identifiers.seq AS seq,
  identifiers.hash AS hash
FROM identifiers
JOIN links ON links.trace = identifiers.trace
WHERE identifiers.kind IN (:kinds) AND identifiers.happened_at < :asof
