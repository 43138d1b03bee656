"""Use-cases of staff who log in, by a password; what they may do their roles say each time."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import StaffId, new_id
from koipond.kernel.viewer import ViewerKind
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused
from koipond.login.service.entering import count_try
from koipond.login.service.hashing import hash_password, verify_password
from koipond.login.service.passwords import check_new_password, find_hash
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
