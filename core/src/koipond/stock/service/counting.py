"""Many corrections at once, as a file tells them."""

from collections.abc import Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.stock.service.booking import adjust_stock, find_location, lock_level
from koipond.stock.types import StockCount


@transaction
async def import_stock(
    ctx: Context, counts: Sequence[StockCount], *, reference: str
) -> list[bool | DomainError]:
    """Book what was counted, or by how much it changes; one answer per count, in order.

    Returns whether anything changed, or why a count was refused; the others are booked. A count
    that finds promised units missing is told by StockShort, as `adjust_stock` does.
    """
    answers: list[bool | DomainError] = []
    for one in counts:
        try:
            # A refused one has written already.
            async with ctx.db.begin_nested():
                answers.append(await _book_one(ctx, one, reference))
        except DomainError as error:
            answers.append(error)
    return answers


async def _book_one(ctx: Context, one: StockCount, reference: str) -> bool:
    delta, missing = one.delta or 0, False
    if one.counted is not None:
        location = await find_location(ctx, one.location_code)
        level = await lock_level(ctx, location, one.variant_id)
        delta, missing = one.counted - level.on_hand, True
    if delta == 0:
        return False
    await adjust_stock(
        ctx,
        one.variant_id,
        delta=delta,
        reference=reference,
        location_code=one.location_code,
        missing=missing and delta < 0,
    )
    return True
