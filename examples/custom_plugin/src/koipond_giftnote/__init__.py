"""A note for the person who gets a gift: told with a line, kept with the order, read by staff."""
