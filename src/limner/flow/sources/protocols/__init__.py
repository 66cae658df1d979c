"""The protocols of event clients, one file each."""
