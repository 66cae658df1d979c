"""Decisions: the one gate that grants, holds out or refuses, and says why."""
