"""Group buys: a lower price for a team that fills in time, and the money back if it does not."""
