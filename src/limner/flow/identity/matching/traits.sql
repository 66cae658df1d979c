-- asof: timestamp, names: texts
SELECT
  links.number AS number,
  traits.name AS name,
  epoch_us(traits.happened_at) AS told,
  traits.seq AS seq,
  traits.text AS text,
  traits.number AS amount,
  traits.instant AS moment
FROM traits
JOIN links ON links.trace = traits.trace
WHERE traits.name IN (:names) AND traits.happened_at < :asof AND (traits.until_at IS NULL OR traits.until_at >= :asof)
