"""Stages, adjustments and priced orders; what plugins are asked of prices, and what they answer."""

from koipond.pricing.types.orders import (
    GiftPrice,
    PricedOrder,
    QuoteLine,
)
from koipond.pricing.types.promotions import (
    TRACED_MAX,
    AmountOff,
    CartItem,
    CartOffer,
    CartRequest,
    Effect,
    Gift,
    Judged,
    Percent,
    Proposal,
    Stacking,
    StackMode,
    TotalIs,
    TracedInputs,
    Units,
)
from koipond.pricing.types.stages import Adjustment, Stage, Verdict
from koipond.pricing.types.taxes import (
    ShippingCost,
    ShippingStep,
    Taxable,
    TaxShare,
    TaxTable,
)
from koipond.pricing.types.traces import Asked, PriceTrace, Traced, TraceStep
from koipond.pricing.types.units import (
    Considered,
    PriceItem,
    PriceQuote,
    PriceRequest,
    UnitPrice,
)

__all__ = [
    "TRACED_MAX",
    "Adjustment",
    "AmountOff",
    "Asked",
    "CartItem",
    "CartOffer",
    "CartRequest",
    "Considered",
    "Effect",
    "Gift",
    "GiftPrice",
    "Judged",
    "Percent",
    "PriceItem",
    "PriceQuote",
    "PriceRequest",
    "PriceTrace",
    "PricedOrder",
    "Proposal",
    "QuoteLine",
    "ShippingCost",
    "ShippingStep",
    "StackMode",
    "Stacking",
    "Stage",
    "TaxShare",
    "TaxTable",
    "Taxable",
    "TotalIs",
    "TraceStep",
    "Traced",
    "TracedInputs",
    "UnitPrice",
    "Units",
    "Verdict",
]
