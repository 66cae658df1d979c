"""The simulated market of 「南枝」: files as a shop has them, a world that answers, and the truth beside both.

It stands by itself: it knows nothing of the product that reads its files.
"""

from limner_market.manifest import Manifest, Total
from limner_market.market import Market, Reply
from limner_market.story import STORY, Story, StoryCampaign
from limner_market.truth import Truth

__all__ = ["STORY", "Manifest", "Market", "Reply", "Story", "StoryCampaign", "Total", "Truth"]
