"""The HTTP door: thin REST over the verbs whose row names it."""

from limner.edge.http.application import application, routes

__all__ = ["application", "routes"]
