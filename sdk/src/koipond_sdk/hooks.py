"""What a plugin's hooks.py is made of: what hooks are given and what they return.

The hooks themselves stand in the reference, docs/reference/hooks.md.
"""

from koipond.kernel.dispatch import implement
from koipond.kernel.inputs import PluginInput
from koipond.order.events import OrderCancelled, OrderConfirmed, OrderExpired, OrderPlaced
from koipond.order.types import Checkout, CheckoutTerms, HoldWish, QuotaRequest
from koipond.pricing.types import PriceItem, PriceQuote, PriceRequest, Stage

__all__ = [
    "Checkout",
    "CheckoutTerms",
    "HoldWish",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderExpired",
    "OrderPlaced",
    "PluginInput",
    "PriceItem",
    "PriceQuote",
    "PriceRequest",
    "QuotaRequest",
    "Stage",
    "implement",
]
