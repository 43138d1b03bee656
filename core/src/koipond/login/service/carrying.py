"""Use-cases of logins whose members become one, are parted again, or are forgotten.

Logins are not moved: the token of a merged member speaks for the survivor (see member/), and the
survivor sees and ends their logins. So a merge that is undone need not give any of them back.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId
from koipond.kernel.viewer import ViewerKind
from koipond.login import repository, rules
from koipond.login.types import Principal, SessionEnd
from koipond.member.types import Identity


@transaction
async def absorb(ctx: Context, former: MemberId, keeper: MemberId) -> list[UUID]:
    """Let a locked member log in as another: by the other's password, else by their own.

    What was sent to either to set a password or address by holds no longer. Returns whose password
    was made.
    """
    now = ctx.clock.now()
    await repository.void_tokens(ctx.db, [former, keeper], now=now)
    own = await repository.find_password(ctx.db, Principal.member(former))
    if own is None or await repository.find_password(ctx.db, Principal.member(keeper)) is not None:
        return []
    await repository.save_password(ctx.db, Principal.member(keeper), own, now=now)
    return [keeper]


@transaction
async def release(
    ctx: Context, former: MemberId, keeper: MemberId, made: Collection[str], *, since: datetime
) -> None:
    """Undo `absorb`. A password that was set since is the survivor's.

    Of who logged in since the merge nobody knows which of the two they are: those logins end.
    """
    now = ctx.clock.now()
    await repository.void_tokens(ctx.db, [former, keeper], now=now)
    await repository.end_sessions(
        ctx.db, SessionEnd.PARTED, now=now, kind=ViewerKind.MEMBER, keys=[keeper], since=since
    )
    own = await repository.find_password(ctx.db, Principal.member(former))
    whose = Principal.member(keeper)
    if str(keeper) in made and await repository.find_password(ctx.db, whose) == own:
        await repository.remove_password(ctx.db, whose)


@transaction
async def forget(ctx: Context, keys: Collection[MemberId], known_by: Collection[Identity]) -> None:
    """End the logins of somebody who is erased, and drop what was sent to their addresses.

    Their logins' rows stay until they are pruned, so that no process believes their tokens.
    """
    await repository.end_sessions(
        ctx.db, SessionEnd.ERASED, now=ctx.clock.now(), kind=ViewerKind.MEMBER, keys=keys
    )
    await repository.forget_addresses(ctx.db, {one.value for one in known_by})
    await repository.forget_attempts(ctx.db, *(rules.attempts_key(one) for one in known_by))
