"""Quality: what a load is held to, what loads look like, and what is said when one is out of its bounds."""
