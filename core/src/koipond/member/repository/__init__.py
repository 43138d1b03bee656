"""SQL of members."""
