SELECT trace, number FROM mints ORDER BY trace
