"""How a price comes about, stage by stage: of a unit, of promotions, of an order."""

from koipond.pricing.rules.ordering import price_order
from koipond.pricing.rules.promotions import Proposed
from koipond.pricing.rules.units import CORE, Offered, choose_unit_price

__all__ = ["CORE", "Offered", "Proposed", "choose_unit_price", "price_order"]
