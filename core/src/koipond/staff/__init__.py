"""Who runs the shop: staff, their roles, the tokens of programs."""
