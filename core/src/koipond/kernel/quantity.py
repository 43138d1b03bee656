"""A number of units as a caller gives it, before the rule that knows the range has seen it."""

from typing import NewType

# Wider than GraphQL's Int: see the scalar of this name in kernel/schema/types.py.
Quantity = NewType("Quantity", int)
