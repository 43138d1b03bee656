"""What an order wants to have reserved: stock, or the units of the activity that sells a line."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from koipond.catalog.types import Activity, Sellable
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ActivityId, OrderLineId, QuotaId, VariantId
from koipond.order.errors import ActivityOver, ActivitySoldOut
from koipond.order.types import CartLine, Checkout, OrderLine, QuotaRequest
from koipond.pricing.types import PriceItem, UnitPrice
from koipond.quota.errors import LimitReached, QuotaShort
from koipond.quota.types import Claim, ReleasePolicy
from koipond.stock.types import Demand


def find_demands(
    lines: Iterable[OrderLine],
    sellables: Mapping[VariantId, Sellable],
    activities: Mapping[ActivityId, Activity],
) -> list[Demand]:
    """Return what the order wants of the stock of each tracked variant, all its lines together.

    Lines that an activity has units of its own for want none of the stock.
    """
    wanted: dict[VariantId, Demand] = {}
    for line in lines:
        if not sellables[line.variant_id].track_stock or _pool(line, activities) is not None:
            continue
        before = wanted[line.variant_id].quantity if line.variant_id in wanted else 0
        wanted[line.variant_id] = Demand(
            variant_id=line.variant_id, sku=line.sku, quantity=before + line.quantity
        )
    return list(wanted.values())


def claims_of_activities(
    checkout: Checkout, activities: Mapping[ActivityId, Activity]
) -> list[QuotaRequest]:
    """Return what lines want of the units of the activities that they are sold by.

    One request per quota. What comes back after it was paid goes to the stock: the offer may be
    over by then.
    """
    wanted: dict[QuotaId, list[OrderLine]] = {}
    for line in checkout.lines:
        pool = _pool(line, activities)
        if pool is not None:
            wanted.setdefault(pool, []).append(line)
    return [
        QuotaRequest(
            claim=Claim(
                quota_id=pool,
                subject_id=checkout.subject,
                quantity=sum(line.quantity for line in lines),
                release=ReleasePolicy.TO_PARENT,
            ),
            refusal=_refusing(lines[0].sku),
        )
        for pool, lines in wanted.items()
    ]


def find_unmet_choices(
    lines: Sequence[CartLine],
    items: Iterable[PriceItem],
    units: Mapping[UUID, UnitPrice],
    sellables: Mapping[VariantId, Sellable],
) -> list[DomainError]:
    """Return a refusal for each line whose buyer chose an activity that does not sell it."""
    places = {line.id: place for place, line in enumerate(lines)}
    return [
        ActivityOver(sku=sellables[item.variant_id].sku).located(
            f"lines.{places[OrderLineId(item.key)]}.plugins"
        )
        for item in items
        if item.chosen is not None and units[item.key].activity_id != item.chosen
    ]


def _pool(line: OrderLine, activities: Mapping[ActivityId, Activity]) -> QuotaId | None:
    return None if line.activity_id is None else activities[line.activity_id].quota_id


def _refusing(sku: str) -> Callable[[DomainError], DomainError]:
    def refusal(error: DomainError) -> DomainError:
        if isinstance(error, QuotaShort):
            return ActivitySoldOut(sku=sku, requested=int(error.asked), available=int(error.left))
        return error if isinstance(error, LimitReached) else ActivityOver(sku=sku)

    return refusal
