"""What staff see of events and jobs: what is dead, what waits behind it, how far long ones are."""
