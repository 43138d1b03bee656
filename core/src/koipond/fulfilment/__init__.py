"""How goods reach the buyer: shipping methods."""
