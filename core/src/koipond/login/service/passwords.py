"""Use-cases of passwords: logging in by one, changing it, setting a new one."""

from uuid import UUID

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.limiting import limit
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused, PasswordInvalid, PasswordWrong, TokenRefused
from koipond.login.service.entering import count_try, enter, write_to
from koipond.login.service.hashing import hash_password, verify_password
from koipond.login.service.presence import check_own_presence
from koipond.login.service.sessions import end_sessions
from koipond.login.types import LoggedIn, Principal, PurposeToken, SessionEnd, TokenPurpose
from koipond.member import service as members
from koipond.member.rules import read_address
from koipond.member.types import Identity


async def log_in(
    ctx: Context, address: str, password: str, *, cart_token: str | None = None
) -> LoggedIn:
    """Log a member in by an address that they have proved, and their password.

    Whatever is wrong, a hash is computed and the refusal is the same.
    Raises ContactInvalid, RateLimited, LoginRefused.
    """
    known = read_address(address)
    await count_try(ctx, known)
    found = await members.find_proven(ctx, [(known.kind, known.value)])
    # Nobody has the password of an account that there is none of.
    whose = Principal.member(found or MemberId(new_id()))
    hashed = await find_hash(ctx, whose)
    if not await verify_password(ctx, hashed, password) or found is None:
        raise LoginRefused
    return await enter(ctx, found, known=known, cart_token=cart_token)


async def find_hash(ctx: Context, whose: Principal) -> str | None:
    """Return the hash of somebody's password, or None."""
    async with ctx.reading() as db:
        return await repository.find_password(db, whose)


async def check_own_password(ctx: Context, whose: Principal, told: str | None) -> str | None:
    """Return the hash of the password of who is logged in; None if they have none yet.

    Raises PasswordWrong unless they told it, RateLimited.
    """
    await limit(ctx, "password", account=str(whose.id))
    hashed = await find_hash(ctx, whose)
    if hashed is not None and not await verify_password(ctx, hashed, told or ""):
        raise PasswordWrong
    return hashed


async def check_member(
    ctx: Context, key: MemberId, *, password: str | None, code: str | None
) -> str | None:
    """Return the hash of the password of a member who shows by it that it is they.

    Who has none yet logged in lately or has a code: else a token that was seen once would be a way
    in for ever. Raises PasswordWrong, LoginTooOld, LoginRefused, RateLimited.
    """
    hashed = await check_own_password(ctx, Principal.member(key), password)
    if hashed is None:
        await check_own_presence(ctx, key, code)
    return hashed


async def change_password(
    ctx: Context, key: MemberId, *, current: str | None, new: str, code: str | None = None
) -> LoggedIn:
    """Set another password; every login ends, and the member is logged in anew here.

    code: of who has no password yet, and logged in long ago.
    Raises PasswordInvalid, PasswordWrong, LoginTooOld, LoginRefused, RateLimited.
    """
    check_new_password(new)
    before = await check_member(ctx, key, password=current, code=code)
    return await _change(ctx, key, before=before, hashed=await hash_password(ctx, new))


def check_new_password(new: str, *, known_by: str = "") -> None:
    """Raise PasswordInvalid, said of the input's field."""
    try:
        rules.check_password(new, known_by=known_by)
    except PasswordInvalid as error:
        raise error.located("newPassword") from None


@transaction
async def _change(ctx: Context, key: MemberId, *, before: str | None, hashed: str) -> LoggedIn:
    whose = Principal.member(key)
    if await repository.find_password(ctx.db, whose) != before:
        raise PasswordWrong
    await set_password(ctx, whose, hashed, SessionEnd.PASSWORD_CHANGED)
    return await enter(ctx, key)


@transaction
async def set_password(ctx: Context, whose: Principal, hashed: str, reason: SessionEnd) -> None:
    """Keep a password's hash, end every login, and tell the owner."""
    now = ctx.clock.now()
    await repository.save_password(ctx.db, whose, hashed, now=now)
    await repository.use_tokens(ctx.db, whose, TokenPurpose.PASSWORD_RESET, now=now)
    await end_sessions(ctx, whose, reason)
    await tell_of_change(ctx, MemberId(whose.id))


@transaction
async def tell_of_change(ctx: Context, key: MemberId) -> None:
    """Write to all proved addresses of a member that the account was changed."""
    for one in await members.find_proved_addresses(ctx, key):
        await write_to(ctx, rules.CHANGED, one, key, about=new_id())


async def request_password_reset(ctx: Context, address: str) -> None:
    """Send who has an account with an address a token to set a new password by.

    Who has none is written to as well, so that the answer and the work are the same.
    Raises ContactInvalid, RateLimited.
    """
    known = read_address(address)
    await limit(ctx, "code", account=rules.attempts_key(known))
    await _send_reset(ctx, known)


@transaction
async def _send_reset(ctx: Context, to: Identity) -> None:
    found = await members.find_proven(ctx, [(to.kind, to.value)])
    key = found or MemberId(new_id())
    token = await add_token(ctx, TokenPurpose.PASSWORD_RESET, Principal.member(key), to)
    kind, until = (rules.NO_ACCOUNT, None) if found is None else (rules.RESET, token.expires_at)
    await write_to(ctx, kind, to, key, about=token.id, until=until)


@transaction
async def add_token(
    ctx: Context, purpose: TokenPurpose, whose: Principal, to: Identity
) -> PurposeToken:
    """Make a token for one purpose, account and address; earlier ones for it hold no longer."""
    now = ctx.clock.now()
    token = PurposeToken(
        id=new_id(), purpose=purpose, principal=whose, to=to, expires_at=now + rules.TOKEN_HOLDS
    )
    await repository.add_token(ctx.db, token, now=now)
    return token


@transaction
async def get_token(ctx: Context, told: str, purpose: TokenPurpose) -> PurposeToken:
    """Lock and return a token that holds for a purpose. Raises TokenRefused."""
    key = rules.read_token_id(told)
    token = None if key is None else await repository.find_token(ctx.db, key, lock=True)
    settings = ctx.settings
    if token is None or not rules.token_fits(
        told, token, settings.secret, settings.previous_secret
    ):
        raise TokenRefused
    holds = token.used_at is None and ctx.clock.now() < token.expires_at
    if token.purpose is not purpose or not holds:
        raise TokenRefused
    return token


async def reset_password(ctx: Context, told: str, password: str) -> None:
    """Set a new password by the token of a message; every login ends.

    Raises PasswordInvalid, TokenRefused, RateLimited.
    """
    await limit(ctx, "login")
    check_new_password(password)
    hashed = await hash_password(ctx, password)
    await _reset(ctx, told, hashed)


@transaction
async def _reset(ctx: Context, told: str, hashed: str) -> None:
    token = await get_token(ctx, told, TokenPurpose.PASSWORD_RESET)
    # Who was merged since it was sent has the survivor's password.
    whose = Principal.member(await members.hold(ctx, MemberId(token.principal.id)))
    await set_password(ctx, whose, hashed, SessionEnd.PASSWORD_RESET)
    # Who was locked out by somebody's guesses is let in again.
    await repository.forget_attempts(ctx.db, rules.attempts_key(token.to))


async def tell_token(ctx: Context, key: UUID) -> str:
    """Return a token as its message tells it; "" if there is none any more."""
    async with ctx.reading() as db:
        token = await repository.find_token(db, key)
    return "" if token is None else rules.make_token(ctx.settings.secret, token)


async def token_holds(ctx: Context, key: UUID) -> bool:
    """Tell whether a token can still be used, so that it is worth sending."""
    async with ctx.reading() as db:
        token = await repository.find_token(db, key)
    return token is not None and token.used_at is None and ctx.clock.now() < token.expires_at
