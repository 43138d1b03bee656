"""Use-cases of check-ins."""

from koipond_checkin import repository, rules
from koipond_checkin.events import CheckedIn
from koipond_checkin.types import CheckIn, CheckInSettings, Granted, Standing, Status
from koipond_sdk import Context, MemberId, encode, settings_of, transaction
from koipond_sdk.services.rewards import Reward, grant_reward


@transaction
async def check_in(ctx: Context, member_id: MemberId) -> tuple[CheckIn, Granted | None]:
    """Check a member in for today, by the calendar of their time zone, and reward it.

    A reward that cannot be given undoes the check-in: nobody loses one in silence, and who tries
    again when it is mended gets both.
    Raises AlreadyCheckedIn, RewardKindUnknown, PluginFailed.
    """
    standing = await _standing(ctx, member_id)
    today = rules.check_in(standing, ctx.clock.now())
    if not await repository.add(ctx.db, member_id, today):
        # A request beside this one was first: answer as if it had been seen above.
        first = await _standing(ctx, member_id)
        assert first.last is not None, "the row that was in the way is committed"
        raise rules.refusal(first.last, first.time_zone)
    ctx.emit(CheckedIn(member_id=member_id, day=today.day, streak=today.streak))
    return today, await _reward(ctx, member_id, today)


async def _reward(ctx: Context, member_id: MemberId, made: CheckIn) -> Granted | None:
    """Give what a check-in is worth in this channel; None where it is worth nothing."""
    promised = await settings_of(ctx, CheckInSettings)
    if not promised.reward_kind:
        return None
    given = Granted(kind=promised.reward_kind, amount=promised.reward_amount)
    reward = Reward(
        kind=given.kind,
        member_id=member_id,
        amount=given.amount,
        source=f"checkin:{made.day}:{encode(MemberId, member_id)}",
        note=rules.note(made),
    )
    await grant_reward(ctx, reward)
    return given


async def find_status(ctx: Context, member_id: MemberId) -> Status:
    """Return whether a member checked in today, the running streak, and when it can go on."""
    async with ctx.reading() as db:
        standing = await repository.find_standing(db, member_id)
    return rules.status(standing or Standing(time_zone=ctx.scope.time_zone), ctx.clock.now())


async def _standing(ctx: Context, member_id: MemberId) -> Standing:
    """Return where a member stands; who is new takes the time zone of the channel."""
    known = await repository.find_standing(ctx.db, member_id)
    if known is not None:
        return known
    await repository.enrol(ctx.db, member_id, time_zone=ctx.scope.time_zone, now=ctx.clock.now())
    enrolled = await repository.find_standing(ctx.db, member_id)
    assert enrolled is not None, "enrolled by this transaction, or by one that is committed"
    return enrolled
