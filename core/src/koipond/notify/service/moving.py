"""Use-cases of members that become one: their messages, which the caps count."""

from collections.abc import Mapping

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId
from koipond.notify import repository


@transaction
async def absorb(ctx: Context, former: MemberId, keeper: MemberId) -> dict[str, int | None]:
    """Let a member's messages be another's, too; returns {message: its place before}."""
    numbers = {key: await repository.lock_box(ctx.db, key) for key in sorted({former, keeper})}
    places, last = await repository.move_all(ctx.db, former, keeper, after=max(numbers.values()))
    # One more: whoever follows the centre sees by the number that something is new.
    await repository.set_number(ctx.db, keeper, last + 1)
    return places


@transaction
async def release(
    ctx: Context, former: MemberId, keeper: MemberId, places: Mapping[str, int | None]
) -> None:
    """Give the messages back that were another's; what was sent since stays."""
    for key in sorted({former, keeper}):
        await repository.lock_box(ctx.db, key)
    await repository.move_back(ctx.db, keeper, former, places)
    for key in (former, keeper):
        await repository.count_up(ctx.db, key)
