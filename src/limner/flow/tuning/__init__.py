"""Station 12: tuning. The contract only; see `base`."""

from limner.flow.tuning.base import TUNERS, Bounds, Proposal, Tuner, tuner

__all__ = ["TUNERS", "Bounds", "Proposal", "Tuner", "tuner"]
