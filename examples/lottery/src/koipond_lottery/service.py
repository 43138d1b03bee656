"""Use-cases of lotteries."""

import secrets
from uuid import UUID

from koipond_lottery import repository, rules
from koipond_lottery.errors import (
    LotteryEntryUnknown,
    LotteryNotOver,
    LotteryUnknown,
)
from koipond_lottery.events import LotteryEntered, PrizeWon
from koipond_lottery.types import (
    Entry,
    EntryId,
    EntryState,
    Lottery,
    LotteryDraft,
    LotteryId,
    Prize,
    PrizeDraft,
    PrizeId,
)
from koipond_sdk import (
    Context,
    Finding,
    MemberId,
    Page,
    Slice,
    crash_point,
    encode,
    new_id,
    once,
    transaction,
)
from koipond_sdk.services.members import MemberMerge, find_carried, hold_member, note_carried
from koipond_sdk.services.rewards import Reward, check_reward_kind, grant_reward

_ENTRIES = "lottery_entry"
_PAGE = 1_000


@transaction
async def make_lottery(ctx: Context, draft: LotteryDraft) -> Lottery:
    """Make a lottery of the request's channel, and commit to a seed that nobody has seen.

    Raises LotteryInvalid, RewardKindUnknown.
    """
    rules.check_draft(draft)
    for kind in sorted({prize.reward_kind for prize in draft.prizes if prize.reward_kind}):
        check_reward_kind(ctx, kind)
    key = LotteryId(new_id())
    made = Lottery(
        id=key,
        channel_id=ctx.scope.channel_id,
        name=draft.name.strip(),
        time_zone=ctx.scope.time_zone,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        seed=secrets.token_hex(32),
        prizes=tuple(_prize(key, place, one) for place, one in enumerate(draft.prizes)),
    )
    await repository.add_lottery(ctx.db, made)
    # Without its seed, which is nobody's to read before it is over.
    ctx.audited(encode(LotteryId, key), after=draft)
    return made


def _prize(lottery_id: LotteryId, position: int, draft: PrizeDraft) -> Prize:
    return Prize(
        id=PrizeId(new_id()),
        lottery_id=lottery_id,
        position=position,
        name=draft.name.strip(),
        units=draft.units,
        given=0,
        odds_ppm=draft.odds_ppm,
        reward_kind=draft.reward_kind,
        reward_amount=draft.reward_amount,
    )


async def enter(ctx: Context, lottery_id: LotteryId, member_id: MemberId, *, key: str) -> Entry:
    """Enter a lottery, once a day; a repeat with the same key gets the same entry.

    Raises LotteryUnknown, LotteryNotOpen, LotteryEnteredToday, LotteryEnteredLast, and what `once`
    raises.
    """

    async def act(inside: Context, subject: UUID) -> None:
        await _enter(inside, EntryId(subject), lottery_id, member_id)

    told = encode(LotteryId, lottery_id)
    found = await once(
        ctx, act, operation="lottery.enter", key=key, request=told, subject_id=new_id()
    )
    async with ctx.reading() as db:
        entry = await repository.find_entry(db, EntryId(found))
    assert entry is not None, "an entry is never removed"
    return entry


async def _enter(
    ctx: Context, entry_id: EntryId, lottery_id: LotteryId, member_id: MemberId
) -> None:
    member_id = await hold_member(ctx, member_id)
    now = ctx.clock.now()
    lottery = await find_lottery(ctx, lottery_id)
    rules.check_open(lottery, now)
    number = rules.number_of(lottery, now)
    if await repository.has_entered(ctx.db, lottery_id, member_id, number):
        raise rules.refuse_second(lottery, now)
    entrant = rules.entrant_of(lottery.seed, lottery_id, member_id)
    drawn = rules.draw(lottery, entrant, number)
    taken = drawn.prize is not None and await repository.take_unit(ctx.db, drawn.prize.id)
    state = rules.state_of(drawn.prize, taken=taken)
    entry = Entry(
        id=entry_id,
        lottery_id=lottery_id,
        member_id=member_id,
        entrant=entrant,
        number=number,
        roll=drawn.roll,
        prize_id=drawn.prize.id if drawn.prize else None,
        state=state,
        entered_at=now,
        delivered_at=now if state is EntryState.DELIVERED else None,
    )
    if not await repository.add_entry(ctx.db, entry):
        raise rules.refuse_second(lottery, now)
    await _announce(ctx, entry, drawn.prize)
    crash_point("lottery.entered.before_commit")


async def _announce(ctx: Context, entry: Entry, prize: Prize | None) -> None:
    ctx.emit(
        LotteryEntered(
            entry_id=entry.id,
            lottery_id=entry.lottery_id,
            member_id=entry.member_id,
            number=entry.number,
        )
    )
    if prize is None or entry.state not in rules.WON:
        return
    ctx.emit(
        PrizeWon(
            entry_id=entry.id,
            lottery_id=entry.lottery_id,
            member_id=entry.member_id,
            prize_id=prize.id,
        )
    )
    if prize.reward_kind:
        await grant_reward(
            ctx,
            Reward(
                kind=prize.reward_kind,
                member_id=entry.member_id,
                amount=prize.reward_amount,
                source=f"lottery:{encode(EntryId, entry.id)}",
                note=prize.name,
            ),
        )


@transaction
async def deliver(ctx: Context, entry_id: EntryId) -> Entry:
    """Note that a prize was handed over. Raises LotteryEntryUnknown, LotteryNothingToDeliver."""
    entry = await repository.lock_entry(ctx.db, entry_id)
    if entry is None:
        raise LotteryEntryUnknown(entry=encode(EntryId, entry_id)).located("entryId")
    rules.check_delivery(entry)
    await repository.deliver(ctx.db, entry_id, at=ctx.clock.now())
    delivered = await repository.find_entry(ctx.db, entry_id)
    assert delivered is not None, "its row is locked"
    ctx.audited(
        encode(EntryId, entry_id), before={"state": entry.state}, after={"state": delivered.state}
    )
    return delivered


async def find_lottery(ctx: Context, lottery_id: LotteryId) -> Lottery:
    """Return a lottery of the request's channel. Raises LotteryUnknown."""
    async with ctx.reading() as db:
        found = await repository.find_lottery(db, lottery_id, channel_id=ctx.scope.channel_id)
    if found is None:
        raise LotteryUnknown(lottery=encode(LotteryId, lottery_id)).located("lotteryId")
    return found


async def find_lotteries(ctx: Context, wanted: Page) -> Slice[Lottery]:
    """Return the lotteries of the request's channel, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_lotteries(db, channel_id=ctx.scope.channel_id, wanted=wanted)


async def find_own(
    ctx: Context, lottery: Lottery, member_id: MemberId, wanted: Page
) -> Slice[Entry]:
    """Return the entries of a member."""
    async with ctx.reading() as db:
        return await repository.find_entries(db, lottery.id, wanted=wanted, member_id=member_id)


async def find_draws(ctx: Context, lottery: Lottery, wanted: Page) -> Slice[Entry]:
    """Return all entries of a lottery that is over. Raises LotteryNotOver."""
    if not rules.is_over(lottery, ctx.clock.now()):
        raise LotteryNotOver(ends_at=lottery.ends_at)
    async with ctx.reading() as db:
        return await repository.find_entries(db, lottery.id, wanted=wanted)


async def find_winners(
    ctx: Context, lottery: Lottery, wanted: Page, *, delivered: bool | None
) -> Slice[Entry]:
    """Return the entries that won. delivered: only those that are, or are not; None: all."""
    chosen = EntryState.DELIVERED if delivered else EntryState.GIVEN
    states = rules.WON if delivered is None else {chosen}
    async with ctx.reading() as db:
        return await repository.find_entries(db, lottery.id, wanted=wanted, states=states)


async def carry(ctx: Context, merge: MemberMerge) -> None:
    """Hand the entries of a member who turned out to be another to that one."""
    carried = await repository.carry(ctx.db, merge.merged_id, merge.survivor_id)
    await note_carried(ctx, merge.id, _ENTRIES, carried)


async def hand_back(ctx: Context, merge: MemberMerge) -> None:
    """Hand back what a merge carried."""
    carried = await find_carried(ctx, merge.id, _ENTRIES)
    keys = [EntryId(UUID(key)) for key in carried]
    await repository.hand_back(ctx.db, keys, merge.merged_id)


async def find_blockers(ctx: Context) -> list[str]:
    """Return why the plugin must not be turned off now."""
    async with ctx.reading() as db:
        running = await repository.count_running(db, ctx.clock.now())
        undelivered = await repository.count_undelivered(db)
    found = []
    if running:
        found.append(f"{running} lotteries are not over. Wait until they are.")
    if undelivered:
        found.append(f"{undelivered} prizes are not delivered. Deliver them: lotteryWinners.")
    return found


async def audit_units(ctx: Context) -> list[Finding]:
    """Look whether as many units are given as entries won."""
    async with ctx.reading() as db:
        won = await repository.count_won(db)
        lotteries = await repository.find_all_lotteries(db)
    return [
        Finding(
            invariant="lottery.units",
            problem=f"prize {encode(PrizeId, prize.id)}: {prize.given} of {prize.units} given, "
            f"and {won.get(prize.id, 0)} entries won",
            fix="Compare lottery_prize and lottery_entry with a backup: one was changed.",
        )
        for lottery in lotteries
        for prize in lottery.prizes
        if prize.given != won.get(prize.id, 0) or prize.given > prize.units
    ]


async def audit_days(ctx: Context) -> list[Finding]:
    """Look whether nobody entered twice on a day."""
    async with ctx.reading() as db:
        twice = await repository.find_twice_a_day(db)
    return [
        Finding(
            invariant="lottery.days",
            problem=f"{encode(LotteryId, key)}: somebody entered more than once on day {number}",
            fix="Restore the unique key of lottery_entry, and settle with the member.",
        )
        for key, number in twice
    ]


async def audit_draws(ctx: Context) -> list[Finding]:
    """Look whether every draw follows from its lottery's seed."""
    async with ctx.reading() as db:
        found = []
        for lottery in await repository.find_all_lotteries(db):
            page: Page | None = Page(first=_PAGE)
            while page is not None:
                read = await repository.find_entries(db, lottery.id, wanted=page)
                found += rules.find_wrong(lottery, read.rows)
                page = Page(first=_PAGE, after=read.keys[-1]) if read.has_next else None
    return [
        Finding(
            invariant="lottery.draws",
            problem=f"entry {encode(EntryId, entry.id)} has not what follows from the seed",
            fix="Compare the entry and the seed of its lottery with a backup: one was changed.",
        )
        for entry in found
    ]
