"""Use-cases of one-ID: two members become one, and are parted again.

What each concept has of a member it carries itself, in one transaction. Reservations follow in
transactions of their own, for they lock what every buyer wants: at once, and by a job if not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from koipond.kernel.context import Context, serving, transaction
from koipond.kernel.ids import (
    MemberId,
    MergeId,
    OwnerId,
    PendingTransferId,
    SubjectId,
    TransferId,
    encode,
    new_id,
)
from koipond.kernel.invariants import Finding
from koipond.kernel.jobs import enqueue
from koipond.ledger import service as ledger
from koipond.ledger.types import Absorbed
from koipond.login import service as login
from koipond.member import events as member_events
from koipond.member import service as member
from koipond.member.errors import MemberUnknown
from koipond.member.types import MemberState
from koipond.notify import service as notify
from koipond.oneid import repository, rules
from koipond.oneid.errors import IdentityDisputed, MergeForgotten, MergeUnknown
from koipond.oneid.events import MembersMerged, MergeUndone
from koipond.oneid.types import (
    Candidate,
    CarryMerge,
    MemberMerge,
    MergeReason,
    MergeWish,
    PartMerge,
)
from koipond.order import service as order
from koipond.quota import service as quota

_CANDIDATES_MAX = 50


async def merge_members(ctx: Context, wish: MergeWish) -> MemberMerge:
    """Make two members one, as staff decided; both must be what staff looked at.

    When it answers, the survivor's limits count what both had.
    Raises MemberUnknown, MergeImpossible, MemberChanged, PluginFailed.
    """
    merge = await _merge_as_wished(ctx, wish)
    await carry_merge(ctx, CarryMerge(merge_id=merge.id))
    return merge


@transaction
async def _merge_as_wished(ctx: Context, wish: MergeWish) -> MemberMerge:
    people = await member.lock(ctx, {wish.survivor_id, wish.merged_id})
    rules.check_merge(people, wish.survivor_id, wish.merged_id)
    rules.check_wish(people, wish)
    merge = MemberMerge(
        id=MergeId(new_id()),
        survivor_id=wish.survivor_id,
        merged_id=wish.merged_id,
        reason=MergeReason.STAFF,
        note=wish.note,
        made_by=_who(ctx),
        was=people[wish.merged_id].state,
        merged_at=ctx.clock.now(),
    )
    await _carry(ctx, merge)
    return merge


@transaction
async def settle_contest(ctx: Context, told: member_events.IdentityContested) -> None:
    """Make two members one who have both proven the same, if the policy says so.

    If it does not, what was proven beside a login stays the other's. Raises IdentityDisputed for
    anything else: then nothing was proven, and staff decide.
    """
    if not rules.is_automatic(told.kind, ctx.settings.merge_on):
        if told.beside:
            return
        raise IdentityDisputed(kind=told.kind.partition(":")[0])
    people = await member.lock(ctx, {told.member_id, told.owner_id})
    roots = {one.merged_into or one.id for one in people.values()}
    if len(roots) == 1:
        return
    if roots != set(people):
        people = await member.lock(ctx, roots)
    survivor_id, merged_id = rules.choose_survivor(*people.values())
    rules.check_merge(people, survivor_id, merged_id)
    merge = MemberMerge(
        id=MergeId(new_id()),
        survivor_id=survivor_id,
        merged_id=merged_id,
        reason=MergeReason.POLICY,
        kind=told.kind,
        made_by=_who(ctx),
        was=people[merged_id].state,
        merged_at=ctx.clock.now(),
    )
    await _carry(ctx, merge)


async def _carry(ctx: Context, merge: MemberMerge) -> None:
    former, keeper = merge.merged_id, merge.survivor_id
    await repository.add(ctx.db, merge)
    absorbed = await ledger.absorb(
        ctx, former, keeper, source=f"merge:{merge.id}", day=merge.merged_at.date()
    )
    changed = {
        **await member.absorb(ctx, former, keeper),
        "password": {str(key): None for key in await login.absorb(ctx, former, keeper)},
        "message": await notify.absorb(ctx, former, keeper),
        "cart": dict.fromkeys(await order.absorb_carts(ctx, former, keeper)),
        "order": await order.absorb(ctx, former, keeper),
        "ledger_transfer": {str(key): None for key in absorbed.transfers},
        "pending_transfer": {str(key): None for key in absorbed.pending},
    }
    await repository.note(ctx.db, merge.id, changed)
    await enqueue(ctx, CarryMerge(merge_id=merge.id))
    ctx.audited(encode(MemberId, former), after={"merged_into": encode(MemberId, keeper)})
    ctx.emit(MembersMerged(merge_id=merge.id, survivor_id=keeper, merged_id=former))
    await ctx.hooks.members_merged(ctx, merge)


async def carry_merge(ctx: Context, job: CarryMerge) -> None:
    """Let all that counts for a merged member count for the survivor; again, it finds the rest.

    What a guest reserved counts for what they could be reached at; of that only their own orders.
    """
    async with ctx.reading() as db:
        merge = await repository.find(db, job.merge_id)
        noted = await repository.find_noted(db, job.merge_id)
    if merge is None or merge.undone_at is not None:
        return
    former, keeper = SubjectId(merge.merged_id), SubjectId(merge.survivor_id)
    owners: dict[SubjectId, list[OwnerId]] = defaultdict(list)
    for key, subject in noted.get("order", {}).items():
        owners[SubjectId(UUID(subject))].append(OwnerId(UUID(key)))
    owners.pop(former, None)
    await quota.merge_subjects(ctx, former, keeper, merge_id=merge.id)
    for subject, own in owners.items():
        await quota.merge_subjects(ctx, subject, keeper, merge_id=merge.id, owners=own)
    await _set_carried(ctx, merge.id)


@transaction
async def _set_carried(ctx: Context, merge_id: MergeId) -> None:
    await repository.set_carried(ctx.db, merge_id, now=ctx.clock.now())


async def undo_merge(ctx: Context, merge_id: MergeId) -> MemberMerge:
    """Make a merged member themselves again, with what was theirs; what came since stays.

    Raises MergeUnknown, MergeAlreadyUndone, MergeTooOld, MergeBuried,
    MergeForgotten, PluginFailed.
    """
    # What it has not carried yet would be carried by its job after it is undone.
    await carry_merge(ctx, CarryMerge(merge_id=merge_id))
    merge = await _undo(ctx, merge_id)
    login.heed_ends(ctx)
    await part_merge(ctx, PartMerge(merge_id=merge_id))
    return merge


@transaction
async def _undo(ctx: Context, merge_id: MergeId) -> MemberMerge:
    merge, now = await repository.find(ctx.db, merge_id, lock=True), ctx.clock.now()
    if merge is None:
        raise MergeUnknown
    former, keeper = merge.merged_id, merge.survivor_id
    people = await member.lock(ctx, {former, keeper})
    if people[keeper].state is MemberState.ERASED:
        raise MergeForgotten
    later = await repository.find_standing_of(ctx.db, keeper)
    rules.check_undo(merge, later, now=now, days_max=ctx.settings.merge_undo_days)
    noted = await repository.find_noted(ctx.db, merge_id)
    await ledger.give_up(
        ctx,
        former,
        keeper,
        _absorbed(noted),
        source=f"unmerge:{merge.id}",
        day=now.date(),
        earlier=[MemberId(UUID(key)) for key in noted.get("member", {})],
    )
    await member.release(ctx, former, keeper, noted, state=merge.was)
    await login.release(ctx, former, keeper, noted.get("password", {}), since=merge.merged_at)
    await notify.release(ctx, former, keeper, noted.get("message", {}))
    await order.release_carts(ctx, former, keeper, noted.get("cart", {}))
    await order.release(ctx, former, keeper, noted.get("order", {}))
    await repository.set_undone(ctx.db, merge_id, by=_who(ctx), now=now)
    await enqueue(ctx, PartMerge(merge_id=merge_id))
    ctx.audited(encode(MemberId, former), before={"merged_into": encode(MemberId, keeper)})
    ctx.emit(MergeUndone(merge_id=merge_id, survivor_id=keeper, merged_id=former))
    await ctx.hooks.merge_undone(ctx, merge)
    undone = await repository.find(ctx.db, merge_id)
    assert undone is not None, "it is locked"
    return undone


async def part_merge(ctx: Context, job: PartMerge) -> None:
    """Let reservations count again for whom they did before a merge; again, there are none."""
    async with ctx.reading() as db:
        merge = await repository.find(db, job.merge_id)
    if merge is not None and merge.undone_at is not None:
        await quota.part_subjects(ctx, merge.id, SubjectId(merge.survivor_id))


@serving
async def note_carried(
    ctx: Context, merge_id: MergeId, place: str, keys: Collection[UUID | str]
) -> None:
    """Note which rows of a plugin's table a merge carried, for `find_carried` when it is undone."""
    await repository.note(ctx.db, merge_id, {place: {str(key): None for key in keys}})


async def find_carried(ctx: Context, merge_id: MergeId, place: str) -> list[str]:
    """Return the keys that were noted of a merge for a place."""
    async with ctx.reading() as db:
        return list((await repository.find_noted(db, merge_id)).get(place, {}))


async def find_merges(
    ctx: Context, keys: Collection[MemberId]
) -> Mapping[MemberId, list[MemberMerge]]:
    """Return {member: the merges they took part in, the newest first}."""
    async with ctx.reading() as db:
        found = await repository.find_of(db, keys) if keys else []
    return {key: [one for one in found if key in {one.survivor_id, one.merged_id}] for key in keys}


async def find_stamps(ctx: Context, keys: Collection[MemberId]) -> Mapping[MemberId, str]:
    """Return {member: what `merge_members` expects of them}."""
    people = await member.find_people(ctx, keys)
    return {key: rules.stamp_of(one) for key, one in people.items()}


async def find_candidates(ctx: Context, key: MemberId) -> list[Candidate]:
    """Return who may be the same person: known by the same. Raises MemberUnknown."""
    if not await member.find_people(ctx, [key]):
        raise MemberUnknown(member=str(key))
    found = await member.find_sharing(ctx, key, most=_CANDIDATES_MAX)
    return [Candidate(member_id=other, kind=kind, value=value) for other, kind, value in found]


async def audit(ctx: Context) -> list[Finding]:
    """Return what merges left behind or lost."""
    async with ctx.reading() as db:
        standing = await repository.find_all_standing(db)
        noted = {one.id: await repository.find_noted(db, one.id) for one in standing}
    found = [
        _finding(f"member {key} {problem}", "Compare with a copy what was changed by hand")
        for key, problem in await member.find_astray(ctx)
    ]
    aliases = {one.merged_id: one.survivor_id for one in standing}
    found += [
        _finding(f"order {key} is still {buyer}'s, who became another", "Store its survivor's id")
        for key, buyer in await order.find_strays(ctx, aliases)
    ]
    for merge in standing:
        carried = [UUID(key) for key in noted[merge.id].get("identity", {})]
        lost = len(carried) - await member.count_identities(ctx, carried)
        if lost:
            found.append(
                _finding(f"merge {merge.id} lost {lost} identities", "Take them from a copy")
            )
    return found


def _finding(problem: str, fix: str) -> Finding:
    return Finding(invariant="one-id", problem=problem, fix=fix)


def _absorbed(noted: Mapping[str, Mapping[str, object]]) -> Absorbed:
    return Absorbed(
        transfers=tuple(TransferId(UUID(key)) for key in noted.get("ledger_transfer", {})),
        pending=tuple(PendingTransferId(UUID(key)) for key in noted.get("pending_transfer", {})),
    )


def _who(ctx: Context) -> str:
    return f"{ctx.viewer.kind}:{ctx.viewer.id}" if ctx.viewer.id else str(ctx.viewer.kind)
