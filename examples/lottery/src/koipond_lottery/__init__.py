"""Lotteries that everybody can check: one entry a day, so many of each prize."""
