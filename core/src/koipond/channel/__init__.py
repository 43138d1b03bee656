"""Where it is sold: currencies, languages, time zone."""
