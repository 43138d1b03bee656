"""Shipping methods, parcels and returns, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond.channel.types import Place, Zone
from koipond.kernel.ids import (
    ChannelId,
    FulfilmentId,
    LocationId,
    OrderId,
    OrderLineId,
    QuotaId,
    ReturnId,
    ShippingMethodId,
    VariantId,
)
from koipond.kernel.money import Currency
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Texts
from koipond.pricing.types import ShippingStep

READS_SHIPPING = "shipping.read"
WRITES_SHIPPING = "shipping.write"


class ShippingRate(Struct, frozen=True, kw_only=True):
    """What a method costs in a currency for some parcels.

    zone_code: None is everywhere. grams_max: the heaviest parcel, None: any. total_from_minor: what
    the goods come to at least. free_from_minor: from which total it costs nothing, None: from none.
    """

    currency: Currency
    amount_minor: int
    zone_code: str | None = None
    grams_max: int | None = None
    total_from_minor: int = 0
    free_from_minor: int | None = None


class FulfilmentMethod(StrEnum):
    """How units reach the buyer: they are sent, or fetched with a code."""

    SHIPMENT = "shipment"
    PICK_UP = "pick_up"


class ShippingMethod(Struct, frozen=True, kw_only=True):
    """A way to the buyer; offered where one of its rates fits.

    method: a pick-up is offered wherever the buyer lives, by the rates of the channel's own place.
    """

    id: ShippingMethodId
    code: str
    name: Texts
    rates: tuple[ShippingRate, ...]
    method: FulfilmentMethod = FulfilmentMethod.SHIPMENT
    version: int = 1


class ShippingRules(Struct, frozen=True, kw_only=True):
    """All that staff set of shipping: zones by code, the methods of each channel in their order."""

    zones: Mapping[str, Zone]
    methods: Mapping[ChannelId, tuple[ShippingMethod, ...]]


class Parcel(Struct, frozen=True, kw_only=True):
    """What is to be sent: how heavy, where to, paid in which currency.

    home: where it can be fetched.
    """

    currency: Currency
    place: Place
    home: Place
    grams: int

    def place_by(self, method: FulfilmentMethod) -> Place:
        """Return where the buyer gets it."""
        return self.home if method is FulfilmentMethod.PICK_UP else self.place


class ShippingOffer(Struct, frozen=True, kw_only=True):
    """A method that takes a parcel; which of `steps` it costs, the total of the goods decides."""

    id: ShippingMethodId
    code: str
    name: Texts
    steps: tuple[ShippingStep, ...]
    method: FulfilmentMethod = FulfilmentMethod.SHIPMENT


class ShippingRateDraft(Struct, frozen=True, kw_only=True):
    """A rate in plain words; see ShippingRate. Amounts are texts in major units."""

    currency: str
    price: str
    zone: str = ""
    grams_max: int | None = None
    total_from: str = "0"
    free_from: str = ""


class ShippingMethodDraft(Struct, frozen=True, kw_only=True):
    """A method in plain words. name: {language: text}."""

    code: str
    name: Mapping[str, str]
    rates: tuple[ShippingRateDraft, ...]
    method: FulfilmentMethod = FulfilmentMethod.SHIPMENT


class FulfilmentState(StrEnum):
    """Where a fulfilment stands; what may follow what stands in rules.FULFILMENT_MOVES.

    PENDING: it is being packed. READY: it can be fetched. SHIPPED and COLLECTED have left the
    house, DELIVERED and COLLECTED are with the buyer.
    """

    PENDING = "pending"
    READY = "ready"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COLLECTED = "collected"
    CANCELLED = "cancelled"


class FulfilmentProgress(StrEnum):
    """How far an order has come, all its fulfilments together."""

    UNFULFILLED = "unfulfilled"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"


class PackedUnits(Struct, frozen=True, kw_only=True):
    """Units of one line in a fulfilment.

    quota_id: what the order holds them of; None for units that are not counted. restocked_quantity:
    how many of them came back and can be sold again.
    """

    line_id: OrderLineId
    variant_id: VariantId
    quantity: int
    quota_id: QuotaId | None
    restocked_quantity: int = 0


class ParcelUnits(Struct, frozen=True, kw_only=True):
    """Counted units of a variant in a fulfilment, and how many of them are back on the shelf."""

    order_id: OrderId
    fulfilment_id: FulfilmentId
    state: FulfilmentState
    variant_id: VariantId
    quantity: int
    restocked_quantity: int


class Tracking(Struct, frozen=True, kw_only=True):
    """Where a parcel can be followed; each may be empty."""

    carrier: str = ""
    number: str = ""
    url: str = ""


class Fulfilment(Struct, frozen=True, kw_only=True):
    """Units of an order that leave one location together.

    location_id: None if none of them is counted anywhere. code_round, wrong_codes: which pick-up
    code counts, and how often a wrong one was tried. shipped_at: when it left the house.
    delivered_at: when the buyer had it.
    """

    id: FulfilmentId
    order_id: OrderId
    method: FulfilmentMethod
    state: FulfilmentState
    location_id: LocationId | None
    tracking: Tracking
    parcels: tuple[PackedUnits, ...]
    code_round: int
    wrong_codes: int
    created_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None


class UnitsWanted(Struct, frozen=True, kw_only=True):
    """Units of an order's line that are to leave the house; quantity >= 1.

    apart: an activity sold them, so they are rather of its units than of the shelf's.
    """

    line_id: OrderLineId
    variant_id: VariantId
    sku: str
    quantity: int
    tracked: bool
    apart: bool


class LineUnits(Struct, frozen=True, kw_only=True):
    """Units of a line, as a caller names them."""

    line_id: OrderLineId
    quantity: Quantity


class FulfilmentWish(Struct, frozen=True, kw_only=True):
    """What staff want to send. method: None is as the buyer chose. lines: none is all that is left.
    location: a code; None: wherever the order's units are, one fulfilment for each location."""

    order_id: OrderId
    method: FulfilmentMethod | None = None
    lines: tuple[LineUnits, ...] = ()
    location: str | None = None


class ReturnState(StrEnum):
    """Where a return stands; what may follow what stands in rules.RETURN_MOVES."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    RECEIVED = "received"
    INSPECTED = "inspected"
    REFUNDED = "refunded"
    EXCHANGED = "exchanged"


class ReturnProgress(StrEnum):
    """What came back of an order, all its returns together."""

    NONE = "none"
    OPEN = "open"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"


class ReturnedUnits(Struct, frozen=True, kw_only=True):
    """Units of one line in a return. accepted: what the buyer gets money or others for.

    restocked: what can be sold again.
    """

    line_id: OrderLineId
    quantity: int
    received_quantity: int = 0
    accepted_quantity: int = 0
    restocked_quantity: int = 0


class Return(Struct, frozen=True, kw_only=True):
    """Units of an order that its buyer sends back. note: what staff wrote last."""

    id: ReturnId
    order_id: OrderId
    state: ReturnState
    reason: str
    note: str
    lines: tuple[ReturnedUnits, ...]
    requested_at: datetime
    updated_at: datetime


class Inspected(Struct, frozen=True, kw_only=True):
    """What an inspection says of units of a line; accepted and restocked: how many of those that
    were received."""

    line_id: OrderLineId
    accepted: Quantity
    restocked: Quantity
