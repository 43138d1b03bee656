"""Use-cases of the addresses that a member keeps."""

from collections.abc import Collection, Mapping

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import AddressId, MemberId, new_id
from koipond.member import repository, rules
from koipond.member.errors import AddressUnknown, TooManyAddresses
from koipond.member.service.carrying import hold
from koipond.member.types import Address, MemberAddress


async def find_addresses(
    ctx: Context, keys: Collection[MemberId]
) -> Mapping[MemberId, list[MemberAddress]]:
    """Return {member: addresses, the default one first} of those who keep some."""
    async with ctx.reading() as db:
        return await repository.find_addresses(db, keys) if keys else {}


async def get_own_address(ctx: Context, key: AddressId) -> MemberAddress:
    """Return an address of who asks; a foreign one is as if there were none.

    Raises AddressUnknown.
    """
    owner = ctx.viewer.member_id
    if owner is not None:
        async with ctx.reading() as db:
            found = await repository.find_address(db, owner, key)
        if found is not None:
            return found
    raise AddressUnknown


@transaction
async def add_address(
    ctx: Context, owner: MemberId, address: Address, *, phone: str, is_default: bool
) -> MemberAddress:
    """Keep an address; a member's first one is the default. Raises AddressInvalid, ContactInvalid,
    TooManyAddresses."""
    checked, number = rules.check_address(address), rules.check_phone(phone)
    owner = await hold(ctx, owner)
    kept = await repository.lock_owner(ctx.db, owner)
    if kept >= rules.ADDRESSES_MAX:
        raise TooManyAddresses(maximum=rules.ADDRESSES_MAX)
    made = MemberAddress(
        id=AddressId(new_id()),
        member_id=owner,
        address=checked,
        phone=number,
        is_default=is_default or not kept,
    )
    await repository.save_address(ctx.db, made, now=ctx.clock.now())
    return made


@transaction
async def update_address(
    ctx: Context, owner: MemberId, key: AddressId, address: Address, *, phone: str, is_default: bool
) -> MemberAddress:
    """Change an address, which stays the default if it is. Raises AddressInvalid, ContactInvalid,
    AddressUnknown."""
    checked, number = rules.check_address(address), rules.check_phone(phone)
    owner = await hold(ctx, owner)
    await repository.lock_owner(ctx.db, owner)
    known = await repository.find_address(ctx.db, owner, key)
    if known is None:
        raise AddressUnknown
    changed = MemberAddress(
        id=key,
        member_id=owner,
        address=checked,
        phone=number,
        is_default=is_default or known.is_default,
    )
    await repository.save_address(ctx.db, changed, now=ctx.clock.now())
    return changed


@transaction
async def remove_address(ctx: Context, owner: MemberId, key: AddressId) -> None:
    """Remove an address; the oldest of the others takes its place as the default.

    Raises AddressUnknown.
    """
    owner = await hold(ctx, owner)
    await repository.lock_owner(ctx.db, owner)
    known = await repository.find_address(ctx.db, owner, key)
    if known is None or not await repository.remove_address(ctx.db, owner, key):
        raise AddressUnknown
    others = (await repository.find_addresses(ctx.db, [owner])).get(owner, [])
    if known.is_default and others:
        await repository.make_default(ctx.db, others[0], now=ctx.clock.now())
