"""What every way to log in ends with, and what each of them counts first."""

from datetime import datetime, timedelta
from uuid import UUID

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId
from koipond.kernel.limiting import ACCOUNT, limit, refusal
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused
from koipond.login.events import MemberLoggedIn
from koipond.login.service.hashing import check_room
from koipond.login.service.sessions import open_session, session_of
from koipond.login.types import LoggedIn, Principal
from koipond.member import service as members
from koipond.member.rules import contact_of
from koipond.member.types import Identity, MemberState
from koipond.notify import service as notify
from koipond.notify.types import MessageKind, MessageWish, Recipient

_LOGIN = "login"


async def count_try(ctx: Context, known: Identity) -> None:
    """Count that a password is tried for an address, over all processes. Raises RateLimited.

    Before it is looked at: however many try at once, no more than the limit are told.
    """
    key = rules.attempts_key(known)
    await limit(ctx, _LOGIN, account=key)
    check_room(ctx)
    rates = ctx.settings.rate_limits
    most = next((one for one in rates if (one.operation, one.per) == (_LOGIN, ACCOUNT)), None)
    if most is None:
        return
    window = timedelta(seconds=most.seconds)
    wait = await _count(ctx, key, most.times, window)
    if wait > timedelta():
        raise refusal(ctx, _LOGIN, int(wait.total_seconds()) + 1)


@transaction
async def _count(ctx: Context, key: str, most: int, window: timedelta) -> timedelta:
    now = ctx.clock.now()
    times, since = await repository.count_attempt(ctx.db, key, now=now, window=window)
    return since + window - now if times > most else timedelta()


@transaction
async def enter(
    ctx: Context,
    key: MemberId,
    *,
    known: Identity | None = None,
    cart_token: str | None = None,
    is_new: bool = False,
) -> LoggedIn:
    """Log a member in who has proved who they are. known: by what, whose tries are forgotten.

    Who was merged meanwhile is the survivor. Raises LoginRefused for who was erased meanwhile.
    """
    key = await members.hold(ctx, key)
    if (await members.find_people(ctx, [key]))[key].state is MemberState.ERASED:
        raise LoginRefused
    if known is not None:
        await repository.forget_attempts(ctx.db, rules.attempts_key(known))
    tokens = await open_session(ctx, Principal.member(key))
    ctx.emit(
        MemberLoggedIn(
            member_id=key,
            session_id=session_of(ctx, tokens),
            cart_hash=rules.hash_cart_token(cart_token),
        )
    )
    return LoggedIn(member_id=key, tokens=tokens, is_new=is_new)


@transaction
async def write_to(
    ctx: Context,
    kind: MessageKind,
    to: Identity,
    member_id: MemberId,
    *,
    about: UUID,
    until: datetime | None = None,
) -> None:
    """Have a message sent to an address, whether it is an account's or nobody's.

    about: of the code or token that it tells, or of the act that it is sent for. until: when that
    ends.
    """
    contact = contact_of(to)
    wish = MessageWish(
        kind=kind.key,
        act=f"{kind.key}:{about}",
        to=Recipient(
            member_id=member_id,
            email=contact.email,
            phone=contact.phone,
            locales=ctx.scope.locales,
            time_zone=ctx.scope.time_zone,
        ),
        values={} if until is None else {"until": until},
        about=about,
    )
    await notify.send(ctx, wish)
