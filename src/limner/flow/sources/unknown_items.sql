-- Items sold, and how many of them no item list knows.
SELECT cast(count(*) AS bigint) AS sold, cast(count_if(i.item_id IS NULL) AS bigint) AS unknown,
  (SELECT cast(count(*) AS bigint) FROM items) AS listed
FROM (SELECT DISTINCT item_id FROM lines WHERE item_id IS NOT NULL) AS s
LEFT JOIN (SELECT DISTINCT item_id FROM items) AS i ON s.item_id = i.item_id
