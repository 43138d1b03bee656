"""Use-cases of members."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, new_id
from koipond.member import repository
from koipond.member.errors import MemberUnknown
from koipond.member.events import MemberCreated
from koipond.member.types import Contact, Member, Reward
from koipond.plugin.service import check_reward_kind


@transaction
async def ensure_buyer(ctx: Context, contact: Contact) -> MemberId:
    """Return whose purchase this is: the logged-in member, else the guest of this contact.

    A guest is made at the first order and found again by the same e-mail address or phone number.
    Somebody's registered account is never found by an address that the buyer merely typed.
    """
    if ctx.viewer.member_id is not None:
        return ctx.viewer.member_id
    key = await repository.find_guest(ctx.db, contact.identities)
    if key is None:
        key = MemberId(new_id())
        repository.add(
            ctx.unsent, key=key, name=contact.name, locale=ctx.scope.locales[0], now=ctx.clock.now()
        )
        ctx.emit(MemberCreated(member_id=key))
    repository.add_identities(ctx.unsent, key, contact.identities)
    return key


async def find_member(ctx: Context, key: MemberId) -> Member | None:
    """Return a member, or None."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


async def find_by_address(ctx: Context, address: str) -> MemberId:
    """Return the member known by an e-mail address or phone number. Raises MemberUnknown."""
    async with ctx.reading() as db:
        found = await repository.find_by_identity(db, address.strip().lower())
    if found is None:
        raise MemberUnknown(member=address)
    return found


@transaction
async def grant_reward(ctx: Context, reward: Reward) -> None:
    """Give a member a reward, in the transaction of what it is for; once for each source.

    Raises RewardKindUnknown, PluginFailed.
    """
    check_reward_kind(ctx, reward.kind)
    await ctx.hooks.reward_grant(ctx, reward)
