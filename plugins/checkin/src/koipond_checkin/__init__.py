"""Daily check-in: once per member and local day, with a streak."""
