"""SQL of promotions, by table."""
