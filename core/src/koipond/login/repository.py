"""SQL of logins."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, select

from koipond.channel.types import Source, SourceClass
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import LoginSessionId
from koipond.kernel.prepared import Prepared
from koipond.kernel.viewer import ViewerKind
from koipond.login.tables import (
    login_attempts,
    login_code,
    login_session,
    password,
    purpose_token,
)
from koipond.login.types import (
    CodeState,
    LoginSession,
    Principal,
    PurposeToken,
    SessionEnd,
    TokenPurpose,
)
from koipond.member.types import Identity


async def find_password(db: AsyncConnection, whose: Principal) -> str | None:
    """Return the hash of somebody's password, or None."""
    rows = await db.execute(
        select(password.c.hash).where(
            password.c.principal_kind == whose.kind, password.c.principal_id == whose.id
        )
    )
    return rows.scalar_one_or_none()


async def save_password(
    db: AsyncConnection, whose: Principal, hashed: str, *, now: datetime
) -> None:
    """Store a password's hash, in the place of the earlier one."""
    made = insert(db, password).values(
        principal_kind=whose.kind, principal_id=whose.id, hash=hashed, changed_at=now
    )
    await db.execute(
        made.on_conflict_do_update(
            index_elements=["principal_kind", "principal_id"],
            set_={"hash": made.excluded.hash, "changed_at": made.excluded.changed_at},
        )
    )


async def remove_password(db: AsyncConnection, whose: Principal) -> None:
    """Store that somebody has no password any more."""
    await db.execute(
        password.delete().where(
            password.c.principal_kind == whose.kind, password.c.principal_id == whose.id
        )
    )


async def count_attempt(
    db: AsyncConnection, key: str, *, now: datetime, window: timedelta
) -> tuple[int, datetime]:
    """Count one more try; returns how many there are, and since when, this one with them."""
    made = insert(db, login_attempts).values(key=key, times=1, since=now)
    is_old = login_attempts.c.since <= now - window
    counted = made.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "times": case((is_old, 1), else_=login_attempts.c.times + 1),
            "since": case((is_old, made.excluded.since), else_=login_attempts.c.since),
        },
    ).returning(login_attempts.c.times, login_attempts.c.since)
    row = (await db.execute(counted)).one()
    return row.times, row.since


async def forget_attempts(db: AsyncConnection, *keys: str) -> None:
    """Store that somebody got it right."""
    await db.execute(login_attempts.delete().where(login_attempts.c.key.in_(sorted(keys))))


async def forget_addresses(db: AsyncConnection, addresses: Collection[str]) -> None:
    """Delete the codes and tokens that were sent to some addresses, whoever they were for."""
    for table in (login_code, purpose_token):
        await db.execute(table.delete().where(table.c.address.in_(sorted(addresses))))


async def save_code(db: AsyncConnection, code: CodeState) -> None:
    """Store a code, in the place of the one that was sent to its address before."""
    row = {
        "id": code.id,
        "member_id": code.member_id,
        "password_hash": code.password_hash,
        "name": code.name,
        "source_class": None if code.source is None else code.source.kind,
        "source_entry": None if code.source is None else code.source.entry,
        "source_campaign": None if code.source is None else code.source.campaign,
        "attempts": code.attempts,
        "expires_at": code.expires_at,
        "used_at": None,
    }
    made = insert(db, login_code).values(kind=code.to.kind, address=code.to.value, **row)
    await db.execute(made.on_conflict_do_update(index_elements=["kind", "address"], set_=row))


async def lock_code(db: AsyncConnection, to: Identity) -> CodeState | None:
    """Lock and return the code that was last sent to an address, or None."""
    rows = await db.execute(
        select(login_code)
        .where(login_code.c.kind == to.kind, login_code.c.address == to.value)
        .with_for_update(key_share=True)
    )
    row = rows.one_or_none()
    return None if row is None else _code(row)


async def find_code(db: AsyncConnection, key: UUID) -> CodeState | None:
    """Return a code by its id, or None if another took its place."""
    row = (await db.execute(select(login_code).where(login_code.c.id == key))).one_or_none()
    return None if row is None else _code(row)


async def miss_code(db: AsyncConnection, key: UUID) -> None:
    """Count that a code, which is locked, was got wrong."""
    await db.execute(
        login_code.update().where(login_code.c.id == key).values(attempts=login_code.c.attempts + 1)
    )


async def use_code(db: AsyncConnection, key: UUID, *, now: datetime) -> None:
    """Store that a code, which is locked, was used."""
    spent = login_code.update().values(used_at=now, password_hash="")  # nosec B106  none is kept
    await db.execute(spent.where(login_code.c.id == key))


async def add_token(db: AsyncConnection, new: PurposeToken, *, now: datetime) -> None:
    """Store a token; those for the same purpose that were not used hold no longer."""
    await db.execute(
        purpose_token.update()
        .where(
            purpose_token.c.principal_id == new.principal.id,
            purpose_token.c.purpose == new.purpose,
            purpose_token.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    await db.execute(
        purpose_token.insert().values(
            id=new.id,
            purpose=new.purpose,
            principal_kind=new.principal.kind,
            principal_id=new.principal.id,
            kind=new.to.kind,
            address=new.to.value,
            expires_at=new.expires_at,
        )
    )


async def find_token(db: AsyncConnection, key: UUID, *, lock: bool = False) -> PurposeToken | None:
    """Return a token, or None; locked, if so asked."""
    statement = select(purpose_token).where(purpose_token.c.id == key)
    rows = await db.execute(statement.with_for_update(key_share=True) if lock else statement)
    row = rows.one_or_none()
    return None if row is None else _token(row)


async def use_tokens(
    db: AsyncConnection, whose: Principal, purpose: TokenPurpose, *, now: datetime
) -> None:
    """Store that somebody's tokens of a purpose hold no longer."""
    await db.execute(
        purpose_token.update()
        .where(
            purpose_token.c.principal_kind == whose.kind,
            purpose_token.c.principal_id == whose.id,
            purpose_token.c.purpose == purpose,
            purpose_token.c.used_at.is_(None),
        )
        .values(used_at=now)
    )


async def void_tokens(db: AsyncConnection, keys: Collection[UUID], *, now: datetime) -> None:
    """Store that no token of these accounts holds any longer, for whatever it was."""
    await db.execute(
        purpose_token.update()
        .where(purpose_token.c.principal_id.in_(sorted(keys)), purpose_token.c.used_at.is_(None))
        .values(used_at=now)
    )


async def add_session(db: AsyncConnection, new: LoginSession) -> None:
    """Store a new login."""
    await db.execute(
        login_session.insert().values(
            id=new.id,
            principal_kind=new.principal.kind,
            principal_id=new.principal.id,
            seed=new.seed,
            generation=new.generation,
            device=new.device,
            address=new.address,
            created_at=new.created_at,
            used_at=new.used_at,
            expires_at=new.expires_at,
        )
    )


async def find_session(db: AsyncConnection, key: LoginSessionId) -> LoginSession | None:
    """Return a login, or None."""
    row = (await db.execute(select(login_session).where(login_session.c.id == key))).one_or_none()
    return None if row is None else _session(row)


async def lock_session(db: AsyncConnection, key: LoginSessionId) -> LoginSession | None:
    """Lock and return a login, or None."""
    rows = await db.execute(
        select(login_session).where(login_session.c.id == key).with_for_update(key_share=True)
    )
    row = rows.one_or_none()
    return None if row is None else _session(row)


async def refresh_session(db: AsyncConnection, changed: LoginSession) -> None:
    """Store that a login, which is locked, has its next refresh token."""
    await db.execute(
        login_session.update()
        .where(login_session.c.id == changed.id)
        .values(
            generation=changed.generation,
            address=changed.address,
            used_at=changed.used_at,
            expires_at=changed.expires_at,
        )
    )


async def end_sessions(
    db: AsyncConnection,
    reason: SessionEnd,
    *,
    now: datetime,
    kind: ViewerKind,
    keys: Collection[UUID],
    key: LoginSessionId | None = None,
    since: datetime | None = None,
) -> int:
    """Store that somebody's logins are over; returns how many were not.

    keys: their id, and those of whoever became them. key: that login alone. since: those alone
    that began later.
    """
    statement = login_session.update().where(
        login_session.c.principal_kind == kind,
        login_session.c.principal_id.in_(sorted(keys)),
        login_session.c.ended_at.is_(None),
    )
    if since is not None:
        statement = statement.where(login_session.c.created_at > since)
    if key is not None:
        statement = statement.where(login_session.c.id == key, login_session.c.expires_at > now)
    return (await db.execute(statement.values(ended_at=now, end_reason=reason))).rowcount


async def find_sessions(
    db: AsyncConnection, keys: Collection[UUID], kind: ViewerKind, *, now: datetime
) -> list[LoginSession]:
    """Return the logins of some people that are not over, those used last first."""
    rows = await db.execute(
        select(login_session)
        .where(
            login_session.c.principal_kind == kind,
            login_session.c.principal_id.in_(sorted(keys)),
            login_session.c.ended_at.is_(None),
            login_session.c.expires_at > now,
        )
        .order_by(login_session.c.used_at.desc(), login_session.c.id)
    )
    return [_session(row) for row in rows]


async def find_ended(db: AsyncConnection, *, since: datetime) -> frozenset[UUID]:
    """Return the logins that ended since then."""
    return frozenset(key for (key,) in await _ENDED.rows(db, {"since": since}))


async def prune(db: AsyncConnection, *, before: datetime) -> int:
    """Drop what was over before then; returns how many rows it was."""
    old = (
        login_session.delete().where(
            (login_session.c.ended_at < before) | (login_session.c.expires_at < before)
        ),
        login_code.delete().where(login_code.c.expires_at < before),
        purpose_token.delete().where(purpose_token.c.expires_at < before),
        login_attempts.delete().where(login_attempts.c.since < before),
    )
    return sum([(await db.execute(one)).rowcount for one in old])


def _session(row: Any) -> LoginSession:
    return LoginSession(
        id=LoginSessionId(row.id),
        principal=Principal(kind=ViewerKind(row.principal_kind), id=row.principal_id),
        seed=row.seed,
        generation=row.generation,
        device=row.device,
        address=row.address,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


def _code(row: Any) -> CodeState:
    return CodeState(
        id=row.id,
        to=Identity(kind=row.kind, value=row.address),
        member_id=row.member_id,
        password_hash=row.password_hash,
        name=row.name,
        source=None if row.source_class is None else _source(row),
        attempts=row.attempts,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def _source(row: Any) -> Source:
    return Source(
        kind=SourceClass(row.source_class),
        entry=row.source_entry or "",
        campaign=row.source_campaign or "",
    )


def _token(row: Any) -> PurposeToken:
    return PurposeToken(
        id=row.id,
        purpose=TokenPurpose(row.purpose),
        principal=Principal(kind=ViewerKind(row.principal_kind), id=row.principal_id),
        to=Identity(kind=row.kind, value=row.address),
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


_ENDED = Prepared(select(login_session.c.id).where(login_session.c.ended_at >= bindparam("since")))
