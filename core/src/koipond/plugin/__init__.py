"""Plugins of this shop: what staff set for them, which are off, whose tables are here."""
