"""Pages for people, each one HTML file: the report, and the portrait of an audience."""

from limner.edge.report.group import portrait_page
from limner.edge.report.page import page, write

__all__ = ["page", "portrait_page", "write"]
