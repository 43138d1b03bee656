"""Use-cases of points."""

from collections.abc import Collection, Mapping
from functools import partial
from uuid import UUID

from koipond_points import repository, rules
from koipond_points.errors import PointsShort
from koipond_points.types import Booked, Correction, Entry
from koipond_sdk import (
    Context,
    Finding,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    MemberId,
    Page,
    Quantity,
    Slice,
    encode,
    new_id,
    once,
    transaction,
)
from koipond_sdk.services.members import MemberUnknown, find_member
from koipond_sdk.services.rewards import Reward


@transaction
async def give_reward(ctx: Context, reward: Reward) -> None:
    """Add a reward to its member's balance; one of a source that was given before adds nothing."""
    entry = Entry(
        id=new_id(),
        member_id=reward.member_id,
        points=reward.amount,
        source=reward.source,
        note=reward.note,
        created_at=ctx.clock.now(),
    )
    if await repository.add_entry(ctx.db, entry):
        await repository.give(ctx.db, entry.member_id, entry.points)


async def grant_points(ctx: Context, wanted: Correction) -> Booked:
    """Give a member points, for staff; a repeat with the same key gives them once.

    Raises PointsAmountInvalid, PointsReasonMissing, IdempotencyKeyInvalid, IdempotencyKeyReused,
    MemberUnknown.
    """
    rules.check(wanted)
    return await _correct(ctx, wanted, wanted.points)


async def take_points(ctx: Context, wanted: Correction) -> Booked:
    """Take points from a member who has as many; else as `grant_points`. Raises PointsShort too."""
    rules.check(wanted)
    return await _correct(ctx, wanted, -wanted.points)


async def _correct(ctx: Context, wanted: Correction, points: int) -> Booked:
    if await find_member(ctx, wanted.member_id) is None:
        raise MemberUnknown(member=encode(MemberId, wanted.member_id)).located("memberId")
    try:
        key = await once(
            ctx,
            partial(_book, wanted=wanted, points=points),
            operation="correctPoints",
            key=wanted.idempotency_key,
            request=(wanted.member_id, points, wanted.reason.strip()),
            subject_id=new_id(),
        )
    except (IdempotencyKeyInvalid, IdempotencyKeyReused) as error:
        raise error.located("idempotencyKey") from None
    async with ctx.reading() as db:
        entry = await repository.get_entry(db, key)
    return Booked(entry=entry, balance=await _balance(ctx, entry.member_id))


async def _book(ctx: Context, key: UUID, *, wanted: Correction, points: int) -> None:
    entry = Entry(
        id=key,
        member_id=wanted.member_id,
        points=points,
        source=f"points:staff:{key}",
        note=wanted.reason.strip(),
        created_at=ctx.clock.now(),
    )
    await repository.add_entry(ctx.db, entry)
    await _change_balance(ctx, entry)


async def _change_balance(ctx: Context, entry: Entry) -> None:
    if entry.points > 0:
        await repository.give(ctx.db, entry.member_id, entry.points)
    elif await repository.take(ctx.db, entry.member_id, -entry.points) is None:
        # The refusal takes the entry back with it.
        balance = Quantity(await _balance(ctx, entry.member_id))
        raise PointsShort(points=Quantity(-entry.points), balance=balance).located("points")


async def find_balances(ctx: Context, member_ids: Collection[MemberId]) -> Mapping[MemberId, int]:
    """Return {member: balance}, without those who never had a point."""
    async with ctx.reading() as db:
        return await repository.find_balances(db, member_ids)


async def find_entries(ctx: Context, member_id: MemberId, page: Page) -> Slice[Entry]:
    """Return one page of what a member was given and lost, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_entries(db, member_id, page)


async def audit_balances(ctx: Context) -> list[Finding]:
    """Find balances that are not the sum of their entries."""
    async with ctx.reading() as db:
        found = await repository.find_misfits(db)
    return [
        Finding(
            invariant="points.balance",
            problem=f"the balance of {encode(MemberId, member_id)} is off its entries by "
            f"{surplus:+,} points",
            fix="The entries are what was given and taken: set the balance to their sum, and look "
            "for what wrote to points_balance beside this plugin",
        )
        for member_id, surplus in found
    ]


async def _balance(ctx: Context, member_id: MemberId) -> int:
    return (await find_balances(ctx, [member_id])).get(member_id, 0)
