SELECT trace, number, is_identified FROM links ORDER BY trace
