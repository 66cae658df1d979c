"""Writes a small made-up sample into data/, up to yesterday: `python sample.py`, then `limner collect`."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from limner_market.industries import sample

if __name__ == "__main__":
    sample("brand", Path(__file__).parent / "data", end=datetime.now(ZoneInfo("Asia/Shanghai")).date())
