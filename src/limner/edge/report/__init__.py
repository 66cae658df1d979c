"""The report for people: a `Report` as one HTML file."""

from limner.edge.report.page import page, write

__all__ = ["page", "write"]
