"""Use-cases of what members are known by: proved by a login, a code or a provider."""

from collections.abc import Sequence

from koipond.channel.types import Source
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, new_id
from koipond.member import repository, rules
from koipond.member.events import IdentityContested, MemberCreated
from koipond.member.service.carrying import hold
from koipond.member.types import ADDRESSES, Identity, IdentityKind, Known

Proven = Sequence[tuple[IdentityKind, str]]


async def find_proven(ctx: Context, proven: Proven) -> MemberId | None:
    """Return the member who has proved one of these identities, or None."""
    async with ctx.reading() as db:
        return await repository.find_proven(db, proven)


async def find_proved_addresses(ctx: Context, key: MemberId) -> list[Identity]:
    """Return the e-mail addresses and phone numbers that a member has proved."""
    async with ctx.reading() as db:
        known = (await repository.find_identities(db, [key]))[key]
    return [one for one in known if one.kind in ADDRESSES and one.verified_at is not None]


@transaction
async def take_in(
    ctx: Context,
    proven: Proven,
    *,
    name: str,
    key: MemberId | None = None,
    source: Source | None = None,
) -> Known:
    """Return whose these proved identities are, the strongest first: a member, known or new.

    A guest all of whose addresses were proved is registered, and so keeps what is theirs; of
    another guest, who gave a foreign address too, only orders follow. What somebody else has proved
    is contested, and so is all of it if who proves it is logged in as somebody else.
    key, source: of a new member.
    """
    found = await repository.find_proven(ctx.db, proven)
    if found is None:
        guest = await repository.asking_guest(proven, hold=True).ask(ctx.db)
        if guest is not None:
            known_by = await repository.lock_identities(ctx.db, guest)
            found = await repository.find_proven(ctx.db, proven)
            if found is None and rules.owns(known_by, proven):
                await repository.register_guest(ctx.db, guest)
                await _prove_all(ctx, guest, proven)
                return Known(member_id=guest, is_new=True)
    if found is None:
        return await _register(ctx, proven, name=name, key=key, source=source)
    await _prove_all(ctx, found, proven)
    asking = ctx.viewer.member_id
    if asking is not None and asking != found:
        for kind in dict.fromkeys(kind for kind, _ in proven):
            ctx.emit(IdentityContested(member_id=asking, owner_id=found, kind=kind, beside=True))
    return Known(member_id=found, is_new=False)


async def _register(
    ctx: Context, proven: Proven, *, name: str, key: MemberId | None, source: Source | None
) -> Known:
    now, made = ctx.clock.now(), key or MemberId(new_id())
    told = rules.check_name(name)
    locale = ctx.scope.locales[0]
    await repository.add_registered(ctx.db, made, name=told, locale=locale, source=source, now=now)
    kind, value = proven[0]
    if not await repository.prove(ctx.db, made, kind, value, now=now):
        # Somebody proved it at this very moment, from another place.
        await repository.remove_new(ctx.db, made)
        found = await repository.find_proven(ctx.db, proven)
        assert found is not None, "whoever was faster is there"
        return Known(member_id=found, is_new=False)
    await _prove_all(ctx, made, proven[1:])
    ctx.emit(MemberCreated(member_id=made))
    return Known(member_id=made, is_new=True)


async def _prove_all(ctx: Context, key: MemberId, proven: Proven) -> None:
    """Note what was proved; what is another member's stays theirs unless both become one."""
    for kind, value in proven:
        if not await repository.prove(ctx.db, key, kind, value, now=ctx.clock.now()):
            await _contest(ctx, key, kind, value, beside=True)


async def _contest(
    ctx: Context, key: MemberId, kind: IdentityKind, value: str, *, beside: bool = False
) -> None:
    owner = await repository.find_proven(ctx.db, [(kind, value)])
    assert owner is not None, "it is somebody's, or it could have been noted"
    ctx.emit(IdentityContested(member_id=key, owner_id=owner, kind=kind, beside=beside))


@transaction
async def replace_identity(ctx: Context, key: MemberId, kind: IdentityKind, value: str) -> None:
    """Note that a member has proved another address, in the place of theirs of this kind.

    What another has proved is contested: both become one, or IdentityDisputed is raised.
    """
    key = await hold(ctx, key)
    await repository.lock_identities(ctx.db, key)
    if not await repository.prove(ctx.db, key, kind, value, now=ctx.clock.now()):
        await _contest(ctx, key, kind, value)
    await repository.forget_kind(ctx.db, key, kind, but=value)


async def find_guests_of(ctx: Context, key: MemberId) -> list[tuple[MemberId, IdentityKind, str]]:
    """Return [(guest, kind, address)] of guests who gave an address that this member has proved."""
    async with ctx.reading() as db:
        return await repository.find_guests_of(db, key)
