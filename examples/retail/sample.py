"""Writes a small made-up sample into data/: `python sample.py`, then `limner collect`."""

from pathlib import Path

from limner_market.industries import sample

if __name__ == "__main__":
    sample("retail", Path(__file__).parent / "data")
