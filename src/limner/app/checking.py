"""Checks."""
from limner.app.crosschecks import check_definitions
__all__=["check_definitions"]
