"""Use-cases of check-ins."""

from koipond_checkin import repository, rules
from koipond_checkin.events import CheckedIn
from koipond_checkin.types import CheckIn, CheckInSettings, Granted, Standing, Status
from koipond_sdk import Context, Finding, MemberId, encode, settings_of, transaction
from koipond_sdk.services.members import (
    MemberMerge,
    find_carried,
    hold_member,
    note_carried,
)
from koipond_sdk.services.rewards import Reward, grant_reward

_PLACE = "checkin_day"
# So many of one kind an audit names.
_TOLD = 20


@transaction
async def check_in(ctx: Context, member_id: MemberId) -> tuple[CheckIn, Granted | None]:
    """Check a member in for today, by the calendar of their time zone, and reward it.

    A reward that cannot be given undoes the check-in: nobody loses one in silence, and who tries
    again when it is mended gets both.
    Raises AlreadyCheckedIn, RewardKindUnknown, PluginFailed.
    """
    member_id = await hold_member(ctx, member_id)
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


async def absorb(ctx: Context, merge: MemberMerge) -> None:
    """Let a merged member's days be the survivor's, but for those on which both were here.

    The survivor's calendar counts, and their run is as long as the days of both make it.
    """
    former, keeper = merge.merged_id, merge.survivor_id
    await repository.enrol_like(ctx.db, keeper, former)
    moved = await repository.move_days(ctx.db, former, keeper)
    await note_carried(ctx, merge.id, _PLACE, moved)
    for key in (former, keeper):
        await _count_anew(ctx, key)


async def release(ctx: Context, merge: MemberMerge) -> None:
    """Give a member's days back; those since the merge stay the survivor's."""
    former, keeper = merge.merged_id, merge.survivor_id
    moved = await find_carried(ctx, merge.id, _PLACE)
    await repository.move_back(ctx.db, keeper, former, moved)
    for key in (former, keeper):
        await _count_anew(ctx, key)


async def audit(ctx: Context) -> list[Finding]:
    """Return check-ins that do not continue a run as they say, and those without a calendar."""
    async with ctx.reading() as db:
        odd = await repository.find_odd_streaks(db, limit=_TOLD)
        without = await repository.find_without_calendar(db, limit=_TOLD)
    return rules.find_wrong_days(odd, without)


async def _count_anew(ctx: Context, member_id: MemberId) -> None:
    days = await repository.find_days(ctx.db, member_id)
    await repository.save_streaks(ctx.db, member_id, rules.count_runs(days))
