"""What a column says beyond itself: places of phones and addresses, devices of user agents, birth dates of id cards.

One module per kind. `enriched` reads a column of a table; a source's `enrich:` names kinds and where their finds go.
"""

from limner.flow.sources.enrich.base import Answer, Enricher, Enriching, Found, enrich_kind, enrichers

__all__ = ["Answer", "Enricher", "Enriching", "Found", "enrich_kind", "enrichers"]
