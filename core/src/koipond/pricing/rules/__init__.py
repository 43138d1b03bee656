"""How a price comes about, stage by stage: of a unit, of promotions, of an order."""

from koipond.pricing.rules.explaining import explain
from koipond.pricing.rules.ordering import price_order
from koipond.pricing.rules.promotions import Proposed, written
from koipond.pricing.rules.repeating import gifts_of, price_again, quote_lines_of
from koipond.pricing.rules.shipping import price_at, step_at
from koipond.pricing.rules.tracing import find_personal, trace_inputs
from koipond.pricing.rules.units import CORE, Offered, choose_unit_price

__all__ = [
    "CORE",
    "Offered",
    "Proposed",
    "choose_unit_price",
    "explain",
    "find_personal",
    "gifts_of",
    "price_again",
    "price_at",
    "price_order",
    "quote_lines_of",
    "step_at",
    "trace_inputs",
    "written",
]
