"""The demo: the whole circle on the simulated market, or on the Online Retail file.

This is the only place that knows both `limner` and `limner_market`, and they meet in files and messages only.
"""

from limner.edge.demo.play import demo

__all__ = ["demo"]
