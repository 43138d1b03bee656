"""Stock: units are set apart for an activity, and never counted twice."""

from koipond.stock.errors import InsufficientStock
from koipond.stock.service import set_apart

__all__ = ["InsufficientStock", "set_apart"]
