"""One person, one member: members that turn out to be one are merged, and parted again."""
