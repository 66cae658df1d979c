"""The life of tags: their states, their catalogue, and why a customer has one."""
