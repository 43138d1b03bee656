"""Use-cases of members that become one; who does so is above: see oneid/."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from koipond.kernel.context import Context, serving, transaction
from koipond.kernel.editions import Kept, count_up
from koipond.kernel.ids import MemberId
from koipond.kernel.viewer import Viewer
from koipond.member import rules
from koipond.member.repository import addresses, people
from koipond.member.repository import carrying as repository
from koipond.member.types import Changed, MemberState, Person

_ALIASES = "member_aliases"


async def _read_aliases(ctx: Context) -> Mapping[MemberId, MemberId]:
    async with ctx.reading() as db:
        return await repository.find_aliases(db, most=_ALIASES_MAX)


# The newest: a login ends long before so many others are merged.
_ALIASES_MAX = 10_000
_KEPT: Kept[Mapping[MemberId, MemberId]] = Kept(_ALIASES, read=_read_aliases, empty={})


async def resolve(ctx: Context, viewer: Viewer) -> Viewer:
    """Return a viewer as who they are by now: the token of a merged member speaks for the other.

    A moment old, and no statement while it is fresh; what is stored is stored under `hold`.
    """
    key = viewer.member_id
    into = None if key is None else (await _KEPT.find(ctx)).get(key)
    return viewer if into is None else replace(viewer, id=into)


@serving
async def hold(ctx: Context, key: MemberId) -> MemberId:
    """Keep a member from being merged until the transaction ends; returns whom they are by now.

    Call it first in a transaction that stores rows of a member, and store them for whom it returns.
    """
    return await repository.hold(ctx.db, key) or key


async def find_people(ctx: Context, keys: Collection[MemberId]) -> Mapping[MemberId, Person]:
    """Return {member: who they are}, merged ones too."""
    async with ctx.reading() as db:
        return await repository.find_people(db, keys)


async def find_keys(ctx: Context, key: MemberId) -> list[MemberId]:
    """Return a member's id, and those of whoever became them; rows of the past may have any."""
    async with ctx.reading() as db:
        return [key, *await repository.find_merged_into(db, key)]


async def find_owners(ctx: Context, keys: Collection[MemberId]) -> Mapping[UUID, UUID]:
    """Return {id: member}, of members and of whoever became them."""
    async with ctx.reading() as db:
        became = await repository.find_all_merged_into(db, keys) if keys else {}
    return {**became, **{key: key for key in keys}}


async def find_sharing(
    ctx: Context, key: MemberId, *, most: int
) -> list[tuple[MemberId, str, str]]:
    """Return [(another member, kind, value)] of what one is known by and others are as well."""
    async with ctx.reading() as db:
        return await repository.find_sharing(db, key, most=most)


@transaction
async def lock(ctx: Context, keys: Collection[MemberId]) -> Mapping[MemberId, Person]:
    """Lock members, so that nothing is stored for them meanwhile; returns those that there are."""
    return await repository.find_people(ctx.db, keys, lock=True)


@transaction
async def absorb(ctx: Context, former: MemberId, keeper: MemberId) -> Changed:
    """Let what a locked member is known by, agrees to and belongs to be another's, too.

    Who has withdrawn something on either side has withdrawn it. Returns what was changed.
    """
    db, now = ctx.db, ctx.clock.now()
    earlier = await repository.find_merged_into(db, former)
    moved = await repository.move_identities(db, former, keeper)
    rows = await repository.find_all_consents(db, [former, keeper])
    given, withdrawn = rules.join_consents(rows, former, keeper)
    await repository.withdraw(db, withdrawn, now=now)
    changed: Changed = {
        "identity": dict.fromkeys(moved),
        "consent_given": await repository.copy_consents(db, given, keeper),
        "consent_withdrawn": {str(key): now.isoformat() for key in withdrawn},
        "membership": dict.fromkeys(await repository.copy_groups(db, former, keeper)),
        "member_address": await addresses.move(db, former, keeper),
        "member": {str(key): None for key in earlier},
    }
    await repository.set_merged(db, [former, *earlier], keeper, MemberState.MERGED)
    await count_up(ctx, _ALIASES)
    return changed


@transaction
async def release(
    ctx: Context,
    former: MemberId,
    keeper: MemberId,
    changed: Mapping[str, Mapping[str, Any]],
    *,
    state: MemberState,
) -> None:
    """Undo what `absorb` changed, but for what the member has decided since."""
    db = ctx.db
    await repository.set_merged(db, [former], None, state)
    earlier = [MemberId(UUID(key)) for key in changed.get("member", ())]
    if earlier:
        await repository.set_merged(db, earlier, former, MemberState.MERGED)
    await repository.move_identities(db, keeper, former, changed.get("identity", {}))
    await repository.drop_consents(db, changed.get("consent_given", {}))
    await repository.agree_again(db, changed.get("consent_withdrawn", {}))
    await people.leave(db, keeper, changed.get("membership", {}))
    await addresses.move_back(db, keeper, former, changed.get("member_address", {}))
    await count_up(ctx, _ALIASES)


async def find_astray(ctx: Context) -> list[tuple[MemberId, str]]:
    """Return [(merged member, what is wrong with them)]."""
    async with ctx.reading() as db:
        return await repository.find_astray(db)


async def count_identities(ctx: Context, keys: Collection[UUID]) -> int:
    """Return how many of these identities there are."""
    async with ctx.reading() as db:
        return await repository.count_identities(db, keys)
