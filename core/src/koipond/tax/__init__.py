"""Tax: categories of goods, and the rates that hold for them, by zone and date."""
