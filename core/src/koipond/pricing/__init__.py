"""How a price comes about: stages, adjustments, sums. Pure."""
