"""Matching by what customers state: who is probably one person though no record says so."""
