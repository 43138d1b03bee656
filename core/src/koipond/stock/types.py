"""Stock, seen from outside."""

from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import LocationId, VariantId


class MovementReason(StrEnum):
    """Why goods came or went."""

    RECEIPT = "receipt"
    IMPORT = "import"
    CORRECTION = "correction"
    SHIPMENT = "shipment"


class Location(Struct, frozen=True, kw_only=True):
    """A place that goods are kept in."""

    id: LocationId
    code: str
    name: str


class StockLevel(Struct, frozen=True, kw_only=True):
    """What one location has of one variant: units in the house, and those promised to orders."""

    variant_id: VariantId
    location_id: LocationId
    on_hand: int
    allocated: int

    @property
    def free(self) -> int:
        """Units that can be sold; never below 0."""
        return self.on_hand - self.allocated


class StockReceipt(Struct, frozen=True, kw_only=True):
    """Units of a variant that came in; quantity >= 1."""

    variant_id: VariantId
    quantity: int


class Allocation(Struct, frozen=True, kw_only=True):
    """Units of a variant at a location that are promised to an order; quantity >= 1."""

    variant_id: VariantId
    location_id: LocationId
    quantity: int


class Demand(Struct, frozen=True, kw_only=True):
    """What an order wants of one tracked variant, all its lines together; quantity >= 1."""

    variant_id: VariantId
    sku: str
    quantity: int


class AvailabilityState(StrEnum):
    """Whether a variant can be bought now."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"


class Availability(Struct, frozen=True, kw_only=True):
    """Whether a variant can be bought, and at most how many; the cap is a setting."""

    state: AvailabilityState
    quantity_at_most: int
