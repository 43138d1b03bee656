"""Stock, seen from outside."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import LocationId, QuotaId, VariantId
from koipond.kernel.jobs import Job


class MovementReason(StrEnum):
    """Why goods came or went."""

    RECEIPT = "receipt"
    IMPORT = "import"
    CORRECTION = "correction"
    SHIPMENT = "shipment"
    RETURN = "return"


class Location(Struct, frozen=True, kw_only=True):
    """A place that goods are kept in; the lowest priority is asked first."""

    id: LocationId
    code: str
    name: str
    priority: int


class Level(Struct, frozen=True, kw_only=True):
    """One location's row of one variant. on_hand: units in the house, promised ones too.

    short: units that a count found missing although they are promised. location_priority: see
    Location.
    """

    variant_id: VariantId
    location_id: LocationId
    quota_id: QuotaId
    location_priority: int
    on_hand: int
    back_order: int
    short: int


class StockLevel(Level, frozen=True, kw_only=True):
    """A level with what its quota says. free: units that can be sold, those ahead included.

    promised: units that are taken by orders, shipped ones included until they are purged.
    """

    free: int
    promised: int


class StockReceipt(Struct, frozen=True, kw_only=True):
    """Units of a variant that came in; quantity >= 1."""

    variant_id: VariantId
    quantity: int


class StockCount(Struct, frozen=True, kw_only=True):
    """What a file says of a variant's units: how many were counted, or by how many they change.

    One of the two is None. location_code: None is the shop's default.
    """

    variant_id: VariantId
    location_code: str | None = None
    counted: int | None = None
    delta: int | None = None


class Allocation(Struct, frozen=True, kw_only=True):
    """Units of a variant that one level is to give to an order; quantity >= 1."""

    variant_id: VariantId
    quota_id: QuotaId
    quantity: int


class Demand(Struct, frozen=True, kw_only=True):
    """What an order wants of one tracked variant, all its lines together; quantity >= 1."""

    variant_id: VariantId
    sku: str
    quantity: int


# Says which of one variant's levels are asked, in which order. The first give what they have.
AllocationStrategy = Callable[[Demand, Sequence[StockLevel]], Sequence[StockLevel]]


class HeldUnits(Struct, frozen=True, kw_only=True):
    """Units of a variant that an order has, and at which location they are; quantity >= 1.

    apart: of a quota that was set apart from the location's level, such as a flash sale's.
    """

    quota_id: QuotaId
    variant_id: VariantId
    location_id: LocationId
    location: str
    units: int
    apart: bool


class LocatedUnits(Struct, frozen=True, kw_only=True):
    """Units of a variant that leave a location, or come back to it; quantity >= 1."""

    location_id: LocationId
    variant_id: VariantId
    quantity: int


class GiveBackUnits(Job, frozen=True, kw_only=True):
    """Free units whose reservations lapsed or were let go."""


class AvailabilityState(StrEnum):
    """Whether a variant can be bought now."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"


class Availability(Struct, frozen=True, kw_only=True):
    """Whether a variant can be bought, and at most how many; the cap is a setting."""

    state: AvailabilityState
    quantity_at_most: int


class StockCorrection(Struct, frozen=True, kw_only=True):
    """A correction of what a location has, as staff ask for it; see `service.adjust_stock`."""

    delta: int
    reference: str
    location_code: str | None = None
    missing: bool = False
