"""Station 11: measures. `measure` says what a campaign changed, with an interval, in money."""

from limner.flow.measures.base import METRICS, Arm, Metric, metric
from limner.flow.measures.measure import Trial, judged, measure, trials
from limner.flow.measures.measured import ArmFound, Channelled, Earned, Lift, Measured, Ratio, earned
from limner.flow.measures.results import keep

__all__ = [
    "METRICS",
    "Arm",
    "ArmFound",
    "Channelled",
    "Earned",
    "Lift",
    "Measured",
    "Metric",
    "Ratio",
    "Trial",
    "earned",
    "judged",
    "keep",
    "measure",
    "metric",
    "trials",
]
