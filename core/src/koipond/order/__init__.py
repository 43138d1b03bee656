"""The purchase, also while it is a cart."""
