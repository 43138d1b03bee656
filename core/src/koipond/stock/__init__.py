"""What is there to be sold: levels by variant and location, and every movement of goods."""
