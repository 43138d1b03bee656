"""What a worker does for orders."""

from typing import ClassVar

from koipond.kernel.ids import MemberId, OrderId, QuotaId, VariantId
from koipond.kernel.jobs import Job


class ExpireOrders(Job, frozen=True, kw_only=True):
    """Find the orders that were not paid in time."""


class FlagShortOrders(Job, frozen=True, kw_only=True):
    """Find the orders that were promised units which a count found missing."""

    quota_id: QuotaId
    variant_id: VariantId
    units: int


class CloseOrders(Job, frozen=True, kw_only=True):
    """Close the orders of which nothing can be sent back any more."""


class ExpireOrder(Job, frozen=True, kw_only=True):
    """Close an unpaid order: first at its providers, then here."""

    order_id: OrderId


class ReviveOrder(Job, frozen=True, kw_only=True):
    """Confirm an expired order that was paid late, if all of it can be had again."""

    # While it waits money is in between.
    attempts_max: ClassVar[int] = 100
    order_id: OrderId


class CarryUnits(Job, frozen=True, kw_only=True):
    """Count an order's units for its buyer, who was merged while it was placed."""

    order_id: OrderId
    former_id: MemberId
    member_id: MemberId
