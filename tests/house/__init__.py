"""The laws of the house, read off the source: floors, sizes, names, queries, words."""
