"""Personal data: exported for whom it is about, and erased."""
