"""Use-cases of codes: sent to an address, they prove that it is theirs; the first one registers."""

from uuid import UUID

from koipond.channel.types import Source
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.limiting import limit
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused
from koipond.login.service.entering import enter, write_to
from koipond.login.service.hashing import hash_password
from koipond.login.types import CodeState, LoggedIn, Principal, Registration
from koipond.member import service as members
from koipond.member.rules import check_name, read_address
from koipond.member.types import Identity


async def request_login_code(ctx: Context, address: str) -> None:
    """Send a code to an address, in the place of the last one; whether it has an account or not.

    Raises ContactInvalid, RateLimited.
    """
    known = read_address(address)
    await limit(ctx, "code", account=rules.attempts_key(known))
    await _send_code(ctx, known)


async def register(ctx: Context, wanted: Registration) -> str:
    """Send a code that makes an account; returns what sets its password together with the code.

    The owner of an address that has an account is sent a code to log in by, and told of it: whoever
    registers hears the same. Raises ContactInvalid, PasswordInvalid, MemberInvalid, RateLimited.
    """
    known = read_address(wanted.address)
    rules.check_password(wanted.password, known_by=known.value)
    name = check_name(wanted.name)
    await limit(ctx, "register", account=rules.attempts_key(known))
    hashed = await hash_password(ctx, wanted.password)
    key = await _send_code(ctx, known, password_hash=hashed, name=name, source=wanted.source)
    return rules.make_registration(ctx.settings.secret, key)


@transaction
async def _send_code(
    ctx: Context,
    to: Identity,
    *,
    password_hash: str = "",
    name: str = "",
    source: Source | None = None,
) -> UUID:
    owner = await members.find_proven(ctx, [(to.kind, to.value)])
    code = CodeState(
        id=new_id(),
        to=to,
        member_id=owner or MemberId(new_id()),
        # A stranger does not set the password of somebody's account.
        password_hash="" if owner is not None else password_hash,
        name="" if owner is not None else name,
        source=None if owner is not None else source,
        attempts=0,
        expires_at=ctx.clock.now() + rules.CODE_HOLDS,
    )
    await repository.save_code(ctx.db, code)
    kind = rules.REGISTERED if password_hash and owner is not None else rules.CODE
    await write_to(ctx, kind, to, code.member_id, about=code.id, until=code.expires_at)
    return code.id


async def log_in_with_code(
    ctx: Context,
    address: str,
    code: str,
    *,
    registration: str | None = None,
    cart_token: str | None = None,
) -> LoggedIn:
    """Log in who got a code at an address; who is nobody yet is registered by that.

    registration: what `register` returned, which sets the password that was asked for then.
    Raises ContactInvalid, RateLimited, LoginRefused.
    """
    known = read_address(address)
    await limit(ctx, "login", account=rules.attempts_key(known))
    done = await _use_code(ctx, known, code, registration=registration, cart_token=cart_token)
    if done is None:
        raise LoginRefused
    return done


@transaction
async def _use_code(
    ctx: Context, to: Identity, told: str, *, registration: str | None, cart_token: str | None
) -> LoggedIn | None:
    """Return what became of it; None if it is the wrong code, which is counted."""
    secrets = (ctx.settings.secret, ctx.settings.previous_secret)
    code = await repository.lock_code(ctx.db, to)
    if code is None or not rules.code_holds(code, now=ctx.clock.now()):
        return None
    if not rules.code_fits(told, code.id, *secrets):
        await repository.miss_code(ctx.db, code.id)
        return None
    await repository.use_code(ctx.db, code.id, now=ctx.clock.now())
    is_registrant = registration is not None and rules.registration_fits(
        registration, code.id, *secrets
    )
    found = await members.take_in(
        ctx,
        [(to.kind, to.value)],
        name=code.name if is_registrant else "",
        key=code.member_id,
        source=code.source if is_registrant else None,
    )
    if found.is_new and is_registrant and code.password_hash:
        await repository.save_password(
            ctx.db, Principal.member(found.member_id), code.password_hash, now=ctx.clock.now()
        )
    return await enter(ctx, found.member_id, known=to, cart_token=cart_token, is_new=found.is_new)


async def code_is_open(ctx: Context, key: UUID) -> bool:
    """Tell whether a code can still be used, so that it is worth sending."""
    async with ctx.reading() as db:
        code = await repository.find_code(db, key)
    return code is not None and rules.code_holds(code, now=ctx.clock.now())
