"""Idempotency: one key, one effect. A request walks through steps; a retry resumes at the last.

    CLAIMED   the key is taken and the order's id is chosen; nothing else has happened
    PLACED    the order is stored
    PAYING    a payment is stored, the provider may have been asked
    DONE      everything has happened; a repeat gets the same answer

A claim is committed by itself, before the work: a retry then works with the same order id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql

from koipond.kernel.context import Context, bookkeeping, transaction
from koipond.kernel.db import Instant, metadata
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Answered, Asked, Question, ask_together

A = TypeVar("A")

# A repeat that finds the first request still at work looks again this often, this many times.
_LOOK_AGAIN_S = 0.05
_LOOKS = 40
_KEY_MAX = 120


class Step(StrEnum):
    """How far a request has come."""

    CLAIMED = "claimed"
    PLACED = "placed"
    PAYING = "paying"
    DONE = "done"


idempotency = Table(
    "idempotency",
    metadata,
    # Whose key it is: two callers may choose the same.
    Column("principal", String(120), primary_key=True),
    Column("operation", String(60), primary_key=True),
    Column("key", String(_KEY_MAX), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    # A Step.
    Column("step", String(20), nullable=False),
    # What it is about: the order's id.
    Column("subject_id", Uuid, nullable=False),
    # Until when the request that is at work may be believed to be alive.
    Column("leased_until", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
)


class Claim(Struct, frozen=True, kw_only=True):
    """A key that this request holds."""

    principal: str
    operation: str
    key: str
    step: Step
    subject_id: UUID


@domain_error
class IdempotencyKeyInvalid(DomainError):
    """A key that is too weak or too long to tell requests apart."""

    code: ClassVar[str] = "IDEMPOTENCY_KEY_INVALID"
    key: str
    reason: str

    def __str__(self) -> str:
        return (
            f"idempotencyKey {self.key[:40]!r}: {self.reason}. A new random UUID per act is good."
        )


@domain_error
class IdempotencyKeyReused(DomainError):
    """A key that came with another request before."""

    code: ClassVar[str] = "IDEMPOTENCY_KEY_REUSED"
    key: str

    def __str__(self) -> str:
        return (
            f"idempotencyKey {self.key[:40]!r} was used for another request. Repeat that one "
            "unchanged, or take a new key for a new act."
        )


@domain_error
class RequestInFlight(DomainError):
    """A repeat that came while the first request is still at work."""

    code: ClassVar[str] = "REQUEST_IN_FLIGHT"
    key: str
    retry_after_s: int

    def __str__(self) -> str:
        return (
            f"The request with idempotencyKey {self.key[:40]!r} is still at work. "
            f"Repeat it in {self.retry_after_s} s; it will not happen twice."
        )


def check_unguessable(key: str) -> None:
    """Raise IdempotencyKeyInvalid unless `key` is a UUID: for callers who are known by it alone."""
    try:
        UUID(key)
    except ValueError as error:
        reason = "without a login or a cart's token it must be a UUID"
        raise IdempotencyKeyInvalid(key=key, reason=reason) from error


async def claim(
    ctx: Context, *, principal: str, operation: str, key: str, request: Any, subject_id: UUID
) -> Claim:
    """Take `key` for a request about `subject_id`, or come back to where an earlier try stopped.

    The claim that comes back has the earlier try's subject. While that try is at work this waits
    up to 2 s. Raises IdempotencyKeyInvalid, IdempotencyKeyReused, RequestInFlight.
    """
    wanted = make_claim(principal=principal, operation=operation, key=key, subject_id=subject_id)
    held, _ = await claim_and_ask(ctx, wanted, request, Answered(None))
    return held


def make_claim(*, principal: str, operation: str, key: str, subject_id: UUID) -> Claim:
    """Return what `claim_and_ask` takes. Raises IdempotencyKeyInvalid."""
    if not 1 <= len(key) <= _KEY_MAX:
        reason = f"it has {len(key)} characters, 1 to {_KEY_MAX} are possible"
        raise IdempotencyKeyInvalid(key=key, reason=reason)
    return Claim(
        principal=principal, operation=operation, key=key, step=Step.CLAIMED, subject_id=subject_id
    )


async def claim_and_ask(
    ctx: Context, wanted: Claim, request: Any, asked: Asked[A]
) -> tuple[Claim, A | None]:
    """Do as `claim` does, and ask in the same round trip for what the work begins with.

    Returns the claim, and the answer if its key is new. Raises IdempotencyKeyReused,
    RequestInFlight.
    """
    fingerprint = hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()
    for _ in range(_LOOKS):
        held, answer = await _take(ctx, wanted, fingerprint, asked)
        if held is not None:
            return held, answer
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise RequestInFlight(key=wanted.key, retry_after_s=ctx.settings.idempotency_lease_s)


async def once(
    ctx: Context,
    act: Callable[[Context, UUID], Awaitable[object]],
    *,
    operation: str,
    key: str,
    request: Any,
    subject_id: UUID,
    principal: str | None = None,
) -> UUID:
    """Do `act(ctx, subject)` in one transaction, once for this key; itself in no transaction.

    principal: whose key it is; None is the viewer's.

    Returns what it was about: a repeat gets the first try's subject, and nothing happens. One that
    is refused changes nothing, and its key may be used anew. Raises as `claim` and `act` do.
    """
    held = await claim(
        ctx,
        principal=principal or f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation=operation,
        key=key,
        request=request,
        subject_id=subject_id,
    )
    if held.step is not Step.DONE:
        try:
            await _act_held(ctx, held, act)
        except DomainError:
            await forget(ctx, held)
            raise
    return held.subject_id


@transaction
async def _act_held(
    ctx: Context, held: Claim, act: Callable[[Context, UUID], Awaitable[object]]
) -> None:
    # First: of two requests that hold one key, the second waits here and finds it done.
    if await advance(ctx, held, Step.DONE):
        await act(ctx, held.subject_id)


@bookkeeping
async def advance(ctx: Context, held: Claim, step: Step) -> bool:
    """Store that the request has come to `step`; belongs to the transaction that takes it there.

    False: it had come as far before, by another try that holds the same key.
    """
    return await advancing(held, step).ask(ctx.db)


def advancing(held: Claim, step: Step) -> Question[bool]:
    """Ask what `advance` does, together with what else the transaction begins with."""
    return Question(_ADVANCE[step], _of(held), bool)


def advance_unread(ctx: Context, held: Claim, step: Step) -> None:
    """Do as `advance` does, with what the transaction has unsent; it raises Outdated for False."""
    earlier = _STEPS[: _STEPS.index(step)]
    ctx.unsent.change(
        idempotency,
        _key(held) | {"step": step},
        known_by=_KEY,
        only_if={"step": earlier},
        must=True,
    )


def finish(ctx: Context, held: Claim) -> None:
    """Store, with what the transaction has unsent, that everything has happened."""
    ctx.unsent.change(idempotency, _key(held) | {"step": Step.DONE}, known_by=_KEY)


@bookkeeping
async def forget(ctx: Context, held: Claim) -> None:
    """Give up a claim whose request was refused and changed nothing; the key may be used anew."""
    await ctx.db.execute(idempotency.delete().where(_is(held), idempotency.c.step == Step.CLAIMED))


@bookkeeping
async def let_go(ctx: Context, held: Claim) -> None:
    """Say that nobody is at work any more, so that a repeat resumes at once."""
    await ctx.db.execute(idempotency.update().where(_is(held)).values(leased_until=ctx.clock.now()))


async def _take(
    ctx: Context, wanted: Claim, fingerprint: str, asked: Asked[A]
) -> tuple[Claim | None, A | None]:
    """Return the claim, or None while another request holds it; the answer if its key is new."""
    now = ctx.clock.now()
    lease = now + timedelta(seconds=ctx.settings.idempotency_lease_s)
    taking = _taking(ctx, wanted, fingerprint, now=now, lease=lease)
    is_new, answer = await ctx.write_alone(lambda db: ask_together(db, taking, asked))
    if is_new:
        return wanted, answer
    return await _take_over(ctx, wanted, fingerprint, now=now, lease=lease), None


@bookkeeping
async def _take_over(
    ctx: Context, wanted: Claim, fingerprint: str, *, now: datetime, lease: datetime
) -> Claim | None:
    """Return the claim of a key that was taken before, or None while another request holds it."""
    rows = await ctx.db.execute(select(idempotency).where(_is(wanted)).with_for_update())
    found = rows.one_or_none()
    if found is None:  # forgotten since; look again
        return None
    if found.fingerprint != fingerprint:
        raise IdempotencyKeyReused(key=wanted.key)
    step = Step(found.step)
    if step is not Step.DONE:
        if found.leased_until > now:
            return None
        await ctx.db.execute(idempotency.update().where(_is(wanted)).values(leased_until=lease))
    return msgspec.structs.replace(wanted, step=step, subject_id=found.subject_id)


def _taking(
    ctx: Context, wanted: Claim, fingerprint: str, *, now: datetime, lease: datetime
) -> Question[bool]:
    """Ask for a key; True: nobody had it before."""
    row = _key(wanted) | {
        "fingerprint": fingerprint,
        "step": wanted.step,
        "subject_id": wanted.subject_id,
        "leased_until": lease,
        "created_at": now,
    }
    return Question(_INSERT if ctx.shop.database.is_sqlite else _INSERT_LAZILY, row, bool)


def _key(held: Claim) -> dict[str, Any]:
    return {name: getattr(held, name) for name in _KEY}


def _of(held: Claim) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in _key(held).items()}


def _is(held: Claim) -> ColumnElement[bool]:
    return and_(*(idempotency.c[name] == value for name, value in _key(held).items()))


_KEY = ("principal", "operation", "key")
# It reads the same on both databases.
_insert_once = (
    postgresql.insert(idempotency).on_conflict_do_nothing().returning(idempotency.c.subject_id)
)
_INSERT = Prepared(_insert_once)
# A claim is told nobody before what it is for is committed, which flushes it as well.
_INSERT_LAZILY = Prepared(
    _insert_once.returning(func.set_config("synchronous_commit", "off", True))
)
_STEPS = list(Step)
# Its earlier steps written out: a list of parameters is made into a text each time.
_ADVANCE = {
    step: Prepared(
        idempotency.update()
        .where(*(idempotency.c[name] == bindparam(f"of_{name}") for name in _KEY))
        .where(idempotency.c.step.in_([literal_column(f"'{one}'") for one in _STEPS[:place]]))
        .values(step=step)
        .returning(idempotency.c.step)
    )
    for place, step in enumerate(_STEPS)
}
