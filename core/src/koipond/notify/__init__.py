"""Messages to members: what may be sent, when, by which way, and what became of it."""
