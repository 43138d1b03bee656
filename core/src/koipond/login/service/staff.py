"""Use-cases of staff who log in, by a password; what they may do their roles say each time."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import StaffId, encode, new_id
from koipond.kernel.viewer import ViewerKind
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused, PasswordWrong
from koipond.login.service.entering import count_try
from koipond.login.service.hashing import hash_password, verify_password
from koipond.login.service.passwords import (
    check_new_password,
    check_own_password,
    find_hash,
)
from koipond.login.service.sessions import end_sessions, open_session
from koipond.login.types import Principal, SessionEnd, Tokens
from koipond.member.types import Identity, IdentityKind
from koipond.staff import service as staff
from koipond.staff.events import StaffDisabled

# Under what their tries are counted: apart from a member's of the same address.
_STAFF = IdentityKind("staff")


async def log_in_staff(ctx: Context, email: str, password: str) -> Tokens:
    """Log one of the staff in. Whatever is wrong, a hash is computed and the refusal is the same.

    Raises RateLimited, LoginRefused.
    """
    known = Identity(kind=_STAFF, value=email.strip().lower()[:320])
    await count_try(ctx, known)
    found = await staff.find_by_email(ctx, known.value)
    whose = Principal(kind=ViewerKind.STAFF, id=new_id() if found is None else found.id)
    hashed = await find_hash(ctx, whose)
    if not await verify_password(ctx, hashed, password) or found is None:
        raise LoginRefused
    if not await staff.find_active(ctx, found.id):
        raise LoginRefused
    return await _enter(ctx, whose, known)


@transaction
async def _enter(ctx: Context, whose: Principal, known: Identity) -> Tokens:
    await repository.forget_attempts(ctx.db, rules.attempts_key(known))
    return await open_session(ctx, whose)


async def change_staff_password(ctx: Context, *, current: str, new: str) -> Tokens:
    """Set another password of the one of the staff who asks; every login ends, a new one begins.

    Who has none yet gets the first at the console: else a token that was seen once would be a way
    in for ever. Raises PasswordInvalid, PasswordWrong, RateLimited.
    """
    viewer = ctx.viewer
    if viewer.kind is not ViewerKind.STAFF or viewer.id is None:
        raise PasswordWrong
    whose = Principal(kind=viewer.kind, id=viewer.id)
    check_new_password(new)
    before = await check_own_password(ctx, whose, current)
    if before is None:
        raise PasswordWrong
    return await _change(ctx, whose, before=before, hashed=await hash_password(ctx, new))


@transaction
async def _change(ctx: Context, whose: Principal, *, before: str, hashed: str) -> Tokens:
    if await repository.find_password(ctx.db, whose) != before:
        raise PasswordWrong
    await _set(ctx, whose, hashed)
    ctx.audited(encode(StaffId, StaffId(whose.id)), after={"credentials_changed": ctx.clock.now()})
    return await open_session(ctx, whose)


async def set_staff_password(ctx: Context, key: StaffId, password: str) -> None:
    """Set the password of one of the staff, for the console alone; their logins end.

    Raises PasswordInvalid.
    """
    check_new_password(password)
    hashed = await hash_password(ctx, password)
    await _set(ctx, Principal(kind=ViewerKind.STAFF, id=key), hashed)


@transaction
async def _set(ctx: Context, whose: Principal, hashed: str) -> None:
    await repository.save_password(ctx.db, whose, hashed, now=ctx.clock.now())
    await end_sessions(ctx, whose, SessionEnd.PASSWORD_CHANGED)


async def end_of_disabled(ctx: Context, event: StaffDisabled) -> None:
    """End the logins of one of the staff who may do nothing any more."""
    whose = Principal(kind=ViewerKind.STAFF, id=event.staff_id)
    await end_sessions(ctx, whose, SessionEnd.DISABLED)
