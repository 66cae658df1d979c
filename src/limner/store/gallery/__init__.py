"""The gallery: memory-mapped columns, one file per trait, tag and score; row i is customer number i."""

from limner.store.gallery.column import Column, Header
from limner.store.gallery.draft import Draft
from limner.store.gallery.gallery import Gallery
from limner.store.gallery.leaf_cache import LeafCache
from limner.store.gallery.reader import Behaviour, evaluate
from limner.store.gallery.version import Version

__all__ = ["Behaviour", "Column", "Draft", "Gallery", "Header", "LeafCache", "Version", "evaluate"]
