"""Audiences: named sets of customers, selected by a rule or another selector; counted, listed, compared, portrayed."""

from limner.flow.audiences.base import SELECTORS, Ground, selector
from limner.flow.audiences.count import Count, count
from limner.flow.audiences.listing import Page, page
from limner.flow.audiences.overlap import Overlap, overlap
from limner.flow.audiences.portrait import Portrait, portrait
from limner.flow.audiences.select import Selected, select
from limner.flow.audiences.vocabulary import vocabulary

__all__ = [
    "SELECTORS",
    "Count",
    "Ground",
    "Overlap",
    "Page",
    "Portrait",
    "Selected",
    "count",
    "overlap",
    "page",
    "portrait",
    "select",
    "selector",
    "vocabulary",
]
