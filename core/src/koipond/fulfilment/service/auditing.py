"""What must hold of units that left and came back: I1."""

from collections import Counter
from collections.abc import Sequence

from koipond.fulfilment import repository
from koipond.fulfilment.rules.parcels import OUT
from koipond.fulfilment.types import ParcelUnits
from koipond.kernel.context import Context
from koipond.kernel.ids import FulfilmentId, OrderId, ReturnId, VariantId, encode
from koipond.kernel.invariants import Finding
from koipond.stock import service as stock
from koipond.stock.types import MovementReason

_BY_HAND = "Somebody wrote to the database by hand: restore what was changed"


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong with fulfilments and returns, for `kernel.invariants.run_audits`."""
    async with ctx.reading() as db:
        parcels = await repository.find_parcel_units(db)
    return [*await _audit_shipments(ctx, parcels), *await _audit_restocking(ctx, parcels)]


async def _audit_shipments(ctx: Context, parcels: Sequence[ParcelUnits]) -> list[Finding]:
    """A unit that has left has its movement, and a movement its unit."""
    left = {
        (encode(FulfilmentId, one.fulfilment_id), one.variant_id): -one.quantity
        for one in parcels
        if one.state in OUT
    }
    moved = await stock.find_moved(ctx, MovementReason.SHIPMENT)
    return [
        Finding(
            invariant="I1",
            problem=f"{-left.get(key, 0)} units of {encode(VariantId, key[1])} left by {key[0]}, "
            f"its movements say {-moved.get(key, 0)}",
            fix=_BY_HAND,
        )
        for key in sorted(left.keys() | moved.keys())
        if left.get(key, 0) != moved.get(key, 0)
    ]


async def _audit_restocking(ctx: Context, parcels: Sequence[ParcelUnits]) -> list[Finding]:
    """A unit goes back to the shelf once: its parcel, its return and the stock agree."""
    async with ctx.reading() as db:
        returns = await repository.sum_restocked(db)
    moved: Counter[str] = Counter()
    for (reference, _), units in (await stock.find_moved(ctx, MovementReason.RETURN)).items():
        moved[reference] += units
    told = {encode(ReturnId, key): units for key, (_, units) in returns.items()}
    of_orders: Counter[OrderId] = Counter()
    for order_id, units in returns.values():
        of_orders[order_id] += units
    for one in parcels:
        of_orders[one.order_id] -= one.restocked_quantity
    problems = [
        f"{told.get(key, 0)} units of {key} went back to the shelf, movements say {moved[key]}"
        for key in sorted(told.keys() | moved.keys())
        if told.get(key, 0) != moved[key]
    ]
    problems += [
        f"the parcels and returns of order {encode(OrderId, key)} differ by {abs(units)} units "
        "that went back to the shelf"
        for key, units in sorted(of_orders.items())
        if units != 0
    ]
    return [Finding(invariant="I1", problem=problem, fix=_BY_HAND) for problem in problems]
