"""Everything that is counted and can run out: pools of units, and who has them."""
