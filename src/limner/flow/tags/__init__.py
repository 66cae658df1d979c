"""Tags: questions asked of every customer, answered as gallery columns. Kinds are code, tags are rows of packs."""
