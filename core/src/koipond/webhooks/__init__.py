"""Webhooks: others hear of this shop's events at addresses of theirs, signed."""
