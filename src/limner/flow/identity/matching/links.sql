SELECT trace, number FROM links ORDER BY trace
