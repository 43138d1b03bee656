"""Use-cases of fulfilments. The order of each is locked by the caller."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from koipond.fulfilment import repository, rules
from koipond.fulfilment.errors import FulfilmentUnknown, PickUpCodeLocked
from koipond.fulfilment.events import (
    FulfilmentCancelled,
    FulfilmentCollected,
    FulfilmentCreated,
    FulfilmentDelivered,
    FulfilmentReadied,
    FulfilmentShipped,
)
from koipond.fulfilment.types import (
    Fulfilment,
    FulfilmentMethod,
    FulfilmentState,
    Tracking,
    UnitsWanted,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import FulfilmentId, LocationId, OrderId, VariantId, encode, new_id
from koipond.stock import service as stock
from koipond.stock.types import LocatedUnits

_TOLD = {
    FulfilmentState.SHIPPED: FulfilmentShipped,
    FulfilmentState.READY: FulfilmentReadied,
    FulfilmentState.COLLECTED: FulfilmentCollected,
    FulfilmentState.DELIVERED: FulfilmentDelivered,
    FulfilmentState.CANCELLED: FulfilmentCancelled,
}
_TEXT_MAX = 200


async def find_fulfilment(ctx: Context, key: FulfilmentId) -> Fulfilment:
    """Return a fulfilment. Raises FulfilmentUnknown."""
    async with ctx.reading() as db:
        found = await repository.find_fulfilment(db, key)
    if found is None:
        raise FulfilmentUnknown
    return found


async def find_fulfilments(ctx: Context, order_id: OrderId) -> list[Fulfilment]:
    """Return the fulfilments of an order, the oldest first."""
    return (await find_fulfilments_of(ctx, [order_id]))[order_id]


async def find_fulfilments_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[Fulfilment]]:
    """Return {order: its fulfilments, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_fulfilments(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


def code_of(ctx: Context, known: Fulfilment) -> str | None:
    """Return the code that a pick-up is fetched with; None while there is none, or it counts no
    more."""
    if known.state is not FulfilmentState.READY:
        return None
    return rules.make_code(ctx.settings.secret, known.id, known.code_round)


@transaction
async def create(
    ctx: Context,
    order_id: OrderId,
    wanted: Sequence[UnitsWanted],
    *,
    method: FulfilmentMethod,
    location: str | None,
) -> list[Fulfilment]:
    """Have units packed: one fulfilment for each location that holds some of them.

    Raises FulfilmentQuantityTooLarge.
    """
    held = await stock.find_held(ctx, order_id)
    known = await find_fulfilments(ctx, order_id)
    now = ctx.clock.now()
    made = []
    for portion in rules.plan_portions(wanted, held, known, location=location):
        new = Fulfilment(
            id=FulfilmentId(new_id()),
            order_id=order_id,
            method=method,
            state=FulfilmentState.PENDING,
            location_id=portion.location_id,
            tracking=Tracking(),
            parcels=portion.parcels,
            code_round=1,
            wrong_codes=0,
            created_at=now,
            shipped_at=None,
            delivered_at=None,
        )
        await repository.add_fulfilment(ctx.db, new, now=now)
        ctx.emit(FulfilmentCreated(order_id=order_id, fulfilment_id=new.id))
        made.append(new)
    return made


@transaction
async def ship(ctx: Context, known: Fulfilment, tracking: Tracking) -> None:
    """Send a fulfilment off. Raises FulfilmentNotShippable, StockNotInHouse."""
    kept = {
        name: text.strip()[:_TEXT_MAX] for name, text in msgspec.structs.asdict(tracking).items()
    }
    await _move(ctx, known, FulfilmentState.SHIPPED, tracking=kept, shipped_at=ctx.clock.now())
    await _take_out(ctx, known)


@transaction
async def deliver(ctx: Context, known: Fulfilment) -> None:
    """Say that a fulfilment has arrived. Raises FulfilmentNotDeliverable."""
    await _move(ctx, known, FulfilmentState.DELIVERED, delivered_at=ctx.clock.now())


@transaction
async def ready(ctx: Context, known: Fulfilment) -> None:
    """Say that a pick-up can be fetched; its buyer is shown the code. Raises
    FulfilmentNotReadiable."""
    await _move(ctx, known, FulfilmentState.READY)


@transaction
async def renew_code(ctx: Context, known: Fulfilment) -> None:
    """Let another code count for a pick-up from now on. Raises FulfilmentNotCollectable."""
    rules.check_move(known, FulfilmentState.COLLECTED)
    await repository.renew_code(ctx.db, known.id, now=ctx.clock.now())


@transaction
async def collect(ctx: Context, known: Fulfilment, typed: str) -> int | None:
    """Hand a pick-up over if the code is right; it counts once.

    Returns None then, else how many more may be tried: a wrong one is counted, so it must not
    undo the transaction. Raises FulfilmentNotCollectable, PickUpCodeLocked, StockNotInHouse.
    """
    rules.check_move(known, FulfilmentState.COLLECTED)
    if known.wrong_codes >= rules.CODE_ATTEMPTS:
        raise PickUpCodeLocked(attempts=known.wrong_codes)
    code = rules.make_code(ctx.settings.secret, known.id, known.code_round)
    now = ctx.clock.now()
    if not rules.is_code(code, typed):
        await repository.count_wrong_code(ctx.db, known.id, now=now)
        return rules.CODE_ATTEMPTS - known.wrong_codes - 1
    await _move(ctx, known, FulfilmentState.COLLECTED, shipped_at=now, delivered_at=now)
    await _take_out(ctx, known)
    return None


@transaction
async def cancel(ctx: Context, known: Fulfilment) -> None:
    """Unpack a fulfilment that has not left. Raises FulfilmentNotCancellable."""
    await _move(ctx, known, FulfilmentState.CANCELLED)


async def _move(
    ctx: Context, known: Fulfilment, to: FulfilmentState, **also: datetime | dict[str, str]
) -> None:
    rules.check_move(known, to)
    await repository.move_fulfilment(ctx.db, known.id, to, now=ctx.clock.now(), **also)
    ctx.emit(_TOLD[to](order_id=known.order_id, fulfilment_id=known.id))


async def _take_out(ctx: Context, known: Fulfilment) -> None:
    units: Counter[tuple[LocationId, VariantId]] = Counter()
    for one in known.parcels:
        if one.quota_id is not None and known.location_id is not None:
            units[known.location_id, one.variant_id] += one.quantity
    leaving = [
        LocatedUnits(location_id=location_id, variant_id=variant_id, quantity=count)
        for (location_id, variant_id), count in units.items()
    ]
    await stock.ship(ctx, leaving, reference=encode(FulfilmentId, known.id))
