"""A number of units as a caller gives it, before the rule that knows the range has seen it."""

from typing import NewType

# Wider than GraphQL's Int: see the scalar of this name in kernel/schema/types.py.
Quantity = NewType("Quantity", int)


def units_in_words(most: int) -> str:
    """Return how many units can be asked for, for a refusal that said that so many cannot."""
    return f"more than 0 and at most {most} can" if most > 0 else "none can any more"
