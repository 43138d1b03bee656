"""Use-cases of owners that become one: what both have is one's, and can be told apart again.

The value goes by a transfer, so that spending locks one account still, and the books say what was
whose. The other account stays, empty, and names its heir: what comes to it later goes on to them.
"""

from collections.abc import Collection
from datetime import date

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, PendingTransferId, TransferId, new_id
from koipond.ledger import repository, rules
from koipond.ledger.rules import Leg
from koipond.ledger.service.standing import Seen, see_only
from koipond.ledger.types import Absorbed, AccountKey, OwnerKind, Slip, TransferKind

_KIND = OwnerKind.MEMBER
# No unit: an account by which it is known whose all are that are opened later.
_ANY = "*"


@transaction
async def absorb(
    ctx: Context, former: MemberId, keeper: MemberId, *, source: str, day: date
) -> Absorbed:
    """Let all that a member has of any unit be another's, from now on too.

    source: what it is for, once in the whole shop. What was set aside goes along.
    """
    transfers: list[TransferId] = []
    pending: list[PendingTransferId] = []
    earlier = await repository.find_left_to(ctx.db, _KIND, str(former))
    for unit in await _units_of(ctx, former):
        of_former, of_keeper = (AccountKey.of_member(one, unit) for one in (former, keeper))
        # Whoever closes what is set aside locks it first, and the account then.
        await repository.lock_open(ctx.db, rules.account_id(of_former))
        slip = Slip(source=f"{source}:{unit}", day=day)
        seen = await see_only(ctx, TransferKind.MOVE, slip, [of_former, of_keeper])
        legs = rules.absorb(seen.of(of_former), seen.of(of_keeper))
        transfers += await _write(ctx, seen, legs)
        aside = await repository.lock_open(ctx.db, rules.account_id(of_former))
        keys = [one.id for one in aside]
        await repository.repoint(ctx.db, keys, rules.account_id(of_keeper))
        pending += keys
        await repository.set_heir(ctx.db, of_former, str(keeper))
        await repository.hand_on(ctx.db, _KIND, unit, of=earlier, heir=str(keeper))
    return Absorbed(transfers=tuple(transfers), pending=tuple(pending))


@transaction
async def give_up(
    ctx: Context,
    former: MemberId,
    keeper: MemberId,
    absorbed: Absorbed,
    *,
    source: str,
    day: date,
    earlier: Collection[MemberId] = (),
) -> None:
    """Give back what was absorbed; what was booked since stays the keeper's.

    earlier: members that had become the former one before; what is theirs is the former's again.
    """
    booked = {}
    for key in absorbed.transfers:
        found = await repository.find_transfer(ctx.db, key)
        assert found is not None, "transfers are kept for ever"
        booked[found.unit] = found
    pending = await repository.lock_pendings(ctx.db, absorbed.pending)
    for unit in await _units_of(ctx, former):
        of_former, of_keeper = (AccountKey.of_member(one, unit) for one in (former, keeper))
        slip = Slip(source=f"{source}:{unit}", day=day)
        seen = await see_only(ctx, TransferKind.MOVE, slip, [of_former, of_keeper])
        own = [one for one in pending if one.key.unit == unit]
        await repository.set_heir(ctx.db, of_former, None)
        keys = [str(one) for one in earlier]
        await repository.hand_on(ctx.db, _KIND, unit, of=keys, heir=str(former))
        if unit in booked:
            legs = rules.give_up(
                seen.of(of_keeper), seen.of(of_former), booked[unit], own, today=day
            )
            await _write(ctx, seen, legs)
        still_open = [one.id for one in own if one.is_open]
        await repository.repoint(ctx.db, still_open, rules.account_id(of_former))


async def _units_of(ctx: Context, former: MemberId) -> list[str]:
    """Return all units that there are: of those that it has none of it may get some later."""
    own = await repository.find_units_of(ctx.db, _KIND, str(former))
    return sorted({*own, *await repository.find_units(ctx.db), _ANY})


async def _write(ctx: Context, seen: Seen, legs: list[Leg]) -> list[TransferId]:
    """Book what there is to book; what is only set aside is none of the books' business."""
    if not any(leg.parts for leg in legs):
        return []
    booking = rules.make_booking(
        seen.kind, seen.slip, legs, key=TransferId(new_id()), now=ctx.clock.now()
    )
    assert await repository.book(ctx.db, [booking]), "a merge has a source of its own"
    return [booking.transfer.id]
