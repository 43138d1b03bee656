"""Use-cases of logins that stand: their tokens, who is logged in where, and how they end."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from uuid import UUID

from msgspec import structs

from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.fresh import Fresh
from koipond.kernel.ids import LoginSessionId, MemberId, new_id, new_token
from koipond.kernel.limiting import limit
from koipond.kernel.logs import log
from koipond.kernel.viewer import GUEST, TokenInvalid, Viewer, ViewerKind, sign
from koipond.login import repository, rules
from koipond.login.errors import LoginSessionUnknown, RefreshRefused
from koipond.login.types import (
    LoginSession,
    Principal,
    PruneLogins,
    RefreshToken,
    SessionEnd,
    Tokens,
)
from koipond.member import service as members

# How old may be what a process knows of logins that ended: for so long a token outlives its login.
_KNOWN_FOR = timedelta(seconds=10)
_SKEW = timedelta(minutes=1)
# What is over is kept for so long, to be looked at.
_KEPT = timedelta(days=30)


async def _read_ended(ctx: Context, last: frozenset[UUID]) -> frozenset[UUID]:
    """Return the logins whose access tokens may still hold although they are over."""
    since = ctx.clock.now() - timedelta(seconds=ctx.settings.access_token_s) - _SKEW
    async with ctx.reading() as db:
        return await repository.find_ended(db, since=since)


_ENDED: Fresh[frozenset[UUID]] = Fresh(_read_ended, first=frozenset(), age_max=_KNOWN_FOR)


async def check_login(shop: Shop, viewer: Viewer) -> None:
    """Raise TokenInvalid for a token whose login is over; costs one statement in ten seconds."""
    if viewer.session_id is None:
        return
    ended = _ENDED.at_hand(shop)
    if ended is None:
        async with shop.context(viewer=GUEST) as ctx:
            ended = await _ENDED.find(ctx)
    if viewer.session_id in ended:
        raise TokenInvalid(reason="its login has ended")


def heed_ends(ctx: Context) -> None:
    """See to it that this process knows at once which logins ended: call it after the commit."""
    _ENDED.forget(ctx.shop)


@transaction
async def open_session(ctx: Context, principal: Principal) -> Tokens:
    """Log somebody in who has proved who they are; returns their first tokens."""
    now = ctx.clock.now()
    session = LoginSession(
        id=LoginSessionId(new_id()),
        principal=principal,
        seed=new_token(),
        generation=0,
        device=ctx.caller.agent,
        address=ctx.caller.address[:45],
        created_at=now,
        used_at=now,
        expires_at=now + timedelta(days=ctx.settings.login_keep_days),
    )
    await repository.add_session(ctx.db, session)
    return _make_tokens(ctx, session)


def session_of(ctx: Context, tokens: Tokens) -> LoginSessionId:
    """Return of which login tokens are that were just made."""
    read = rules.read_refresh_token(tokens.refresh)
    assert read is not None, "we have just written it"
    return read.session_id


async def refresh_login(
    ctx: Context, told: str, *, kinds: Collection[ViewerKind] = (ViewerKind.MEMBER,)
) -> Tokens:
    """Return the next tokens of a login for its refresh token, which is spent by that.

    The token before the present one, within ten seconds, gets the present one again. Any earlier
    one ends the login: two have its tokens. kinds: whose logins. Raises RefreshRefused.
    """
    await limit(ctx, "refresh")
    token = rules.read_refresh_token(told)
    tokens = await _refresh(ctx, token, frozenset(kinds)) if token is not None else None
    if tokens is None:
        _ENDED.forget(ctx.shop)
        raise RefreshRefused
    return tokens


@transaction
async def _refresh(
    ctx: Context, token: RefreshToken, kinds: frozenset[ViewerKind]
) -> Tokens | None:
    """Return the next tokens; None for who gets none, whose login may have been ended."""
    now = ctx.clock.now()
    session = await repository.lock_session(ctx.db, token.session_id)
    if session is None or not rules.is_of(token, session, *_secrets(ctx)):
        return None
    if session.principal.kind not in kinds or not session.is_open(now):
        return None
    if token.generation == session.generation:
        session = structs.replace(
            session,
            generation=session.generation + 1,
            address=ctx.caller.address[:45],
            used_at=now,
            expires_at=now + timedelta(days=ctx.settings.login_keep_days),
        )
        await repository.refresh_session(ctx.db, session)
    elif not rules.is_repeated(token, session, now=now):
        log.warning("a spent refresh token came again", session=str(session.id))
        await _end(ctx, session.principal, SessionEnd.REUSED, key=session.id)
        return None
    return _make_tokens(ctx, session)


async def log_out(ctx: Context, told: str | None) -> None:
    """End the login of a refresh token, else that of the access token; again, it changes nothing.

    Raises RateLimited.
    """
    await limit(ctx, "refresh")
    viewer = ctx.viewer
    if told is not None:
        token = rules.read_refresh_token(told)
        if token is not None:
            await _log_out_of(ctx, token)
    elif viewer.session_id is not None and viewer.id is not None:
        whose = Principal(kind=viewer.kind, id=viewer.id)
        await _end(ctx, whose, SessionEnd.LOGGED_OUT, key=LoginSessionId(viewer.session_id))
    _ENDED.forget(ctx.shop)


@transaction
async def _log_out_of(ctx: Context, token: RefreshToken) -> None:
    session = await repository.lock_session(ctx.db, token.session_id)
    if session is not None and rules.is_of(token, session, *_secrets(ctx)):
        await _end(ctx, session.principal, SessionEnd.LOGGED_OUT, key=session.id)


async def end_session(ctx: Context, whose: Principal, key: LoginSessionId) -> None:
    """End one login of somebody. Raises LoginSessionUnknown for a foreign one, as for none."""
    ended = await _end(ctx, whose, SessionEnd.ENDED, key=key)
    _ENDED.forget(ctx.shop)
    if not ended:
        raise LoginSessionUnknown


async def end_sessions(ctx: Context, whose: Principal, reason: SessionEnd) -> int:
    """End all logins of somebody, on every device; returns how many there were.

    Their access tokens are dead on every process within 10 s.
    """
    ended = await _end(ctx, whose, reason)
    _ENDED.forget(ctx.shop)
    return ended


@transaction
async def _end(
    ctx: Context, whose: Principal, reason: SessionEnd, *, key: LoginSessionId | None = None
) -> int:
    keys = await keys_of(ctx, whose)
    return await repository.end_sessions(
        ctx.db, reason, now=ctx.clock.now(), kind=whose.kind, keys=keys, key=key
    )


async def keys_of(ctx: Context, whose: Principal) -> list[UUID]:
    """Return by which ids logins are somebody's: theirs, and those of members who became them."""
    if whose.kind is not ViewerKind.MEMBER:
        return [whose.id]
    return list(await members.find_keys(ctx, MemberId(whose.id)))


async def find_sessions(
    ctx: Context, keys: Collection[UUID], kind: ViewerKind = ViewerKind.MEMBER
) -> Mapping[UUID, list[LoginSession]]:
    """Return {who: their logins that stand, those used last first}.

    Those of a merged member are the survivor's: their tokens speak for the survivor.
    """
    owners: Mapping[UUID, UUID] = {key: key for key in keys}
    if kind is ViewerKind.MEMBER:
        owners = await members.find_owners(ctx, [MemberId(key) for key in keys])
    async with ctx.reading() as db:
        now = ctx.clock.now()
        found = await repository.find_sessions(db, owners, kind, now=now) if owners else []
    return {key: [one for one in found if owners[one.principal.id] == key] for key in keys}


@transaction
async def prune_logins(ctx: Context, job: PruneLogins) -> None:
    """Drop what was over long ago."""
    await repository.prune(ctx.db, before=ctx.clock.now() - _KEPT)


def _make_tokens(ctx: Context, session: LoginSession) -> Tokens:
    now, settings = ctx.clock.now(), ctx.settings
    lifetime = timedelta(seconds=settings.access_token_s)
    viewer = Viewer(kind=session.principal.kind, id=session.principal.id, session_id=session.id)
    return Tokens(
        access=sign(
            viewer,
            secret=settings.secret,
            now=now,
            lifetime=lifetime,
            issuer=settings.token_issuer,
        ),
        refresh=rules.make_refresh_token(settings.secret, session),
        expires_at=now + lifetime,
        principal=session.principal,
    )


def _secrets(ctx: Context) -> tuple[str, str]:
    return ctx.settings.secret, ctx.settings.previous_secret
