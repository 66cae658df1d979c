"""`report`: everything a director's page shows, gathered into one value; the doors say how it looks."""

from limner.app.reporting.contents import Report
from limner.app.reporting.gather import report
from limner.app.reporting.writers import write, writer

__all__ = ["Report", "report", "write", "writer"]
