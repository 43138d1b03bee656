"""Use-cases of what cannot be taken back: done only by who has just shown who they are."""

from collections.abc import Sequence
from datetime import timedelta

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import LoginSessionId, MemberId
from koipond.kernel.limiting import limit
from koipond.login import repository, rules
from koipond.login.errors import LoginRefused, LoginTooOld
from koipond.member import service as members
from koipond.member.rules import read_address
from koipond.member.types import Identity

_YOUNG = timedelta(minutes=10)


async def check_presence(ctx: Context, address: str, code: str | None) -> None:
    """See to it that who asks logged in lately, or has the code that was sent to their address.

    Refreshing makes a login no younger. The code is used up by it.
    Raises LoginTooOld, LoginRefused, ContactInvalid, RateLimited.
    """
    if code is None:
        await _check_young(ctx)
    else:
        await _check_code(ctx, [read_address(address)], code)


async def check_own_presence(ctx: Context, key: MemberId, code: str | None) -> None:
    """See to it that a member logged in lately, or has a code sent to what they have proved.

    Raises LoginTooOld, LoginRefused, RateLimited.
    """
    if code is None:
        await _check_young(ctx)
    else:
        await _check_code(ctx, await members.find_proved_addresses(ctx, key), code)


async def _check_young(ctx: Context) -> None:
    key = ctx.viewer.session_id
    found = None
    if key is not None:
        async with ctx.reading() as db:
            found = await repository.find_session(db, LoginSessionId(key))
    now = ctx.clock.now()
    if found is None or not found.is_open(now) or now - found.created_at > _YOUNG:
        raise LoginTooOld(minutes=int(_YOUNG.total_seconds()) // 60)


async def _check_code(ctx: Context, sent_to: Sequence[Identity], code: str) -> None:
    for known in sent_to:
        await limit(ctx, "login", account=rules.attempts_key(known))
        if await _spend_code(ctx, known, code):
            return
    raise LoginRefused().located("code")


@transaction
async def _spend_code(ctx: Context, to: Identity, told: str) -> bool:
    """Use the code that was sent to an address; False for another one, which is counted."""
    code = await repository.lock_code(ctx.db, to)
    if code is None or not rules.code_holds(code, now=ctx.clock.now()):
        return False
    if not rules.code_fits(told, code.id, ctx.settings.secret, ctx.settings.previous_secret):
        await repository.miss_code(ctx.db, code.id)
        return False
    await repository.use_code(ctx.db, code.id, now=ctx.clock.now())
    return True
