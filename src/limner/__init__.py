"""Limner: precision marketing that proves what it changed."""
