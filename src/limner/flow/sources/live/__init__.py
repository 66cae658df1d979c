"""Live intake: what clients send, from the request to rows that are loaded like those of a file."""
