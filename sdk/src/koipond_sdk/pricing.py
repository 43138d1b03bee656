"""Core's arithmetic of prices, pure: what a dry run or a report reckons with.

What an order costs is always core's to say; this says what one would cost.
"""

from koipond.pricing.rules import price_order
from koipond.pricing.types import (
    Adjustment,
    Considered,
    GiftPrice,
    Judged,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stage,
    UnitPrice,
    Verdict,
)

__all__ = [
    "Adjustment",
    "Considered",
    "GiftPrice",
    "Judged",
    "PricedOrder",
    "QuoteLine",
    "ShippingCost",
    "ShippingStep",
    "Stage",
    "UnitPrice",
    "Verdict",
    "price_order",
]
