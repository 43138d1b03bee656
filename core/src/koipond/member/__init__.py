"""Who buys: members, and what they are known by."""
