SELECT DISTINCT kind FROM identifiers ORDER BY kind
