"""Use-cases of acts that a second one of the staff must agree to."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec

from koipond.approval import repository, rules
from koipond.approval.errors import (
    ApprovalBySelf,
    ApprovalNotPending,
    ApprovalPending,
    ApprovalUnknown,
)
from koipond.approval.types import WRITES_APPROVALS, Approval, ApprovalState
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import ApprovalNeeded, DomainError
from koipond.kernel.ids import ApprovalId, encode, new_id
from koipond.kernel.pages import Page, Slice
from koipond.kernel.viewer import ViewerKind
from koipond.staff import service as staff

NOTE_MAX = 200


def check_policy(ctx: Context, act: str, *, unit: str, amount: int, channel: str = "") -> None:
    """Raise ApprovalNeeded if staff may not do so much alone; the mutation then waits for others.

    act: as the setting `four_eyes` names it. amount: in the smallest units of `unit`, with what was
    done before to the same end, so that nobody does it in small parts. channel: the code of the one
    that it is of, whose staff may agree to it; "" for what is the whole shop's.
    """
    if not ctx.viewer.is_staff or ctx.viewer.id is None:
        return
    if ctx.act is not None and ctx.act.is_approved:
        return
    for policy in ctx.settings.four_eyes:
        if (policy.act, policy.unit) == (act, unit) and amount > policy.above:
            raise ApprovalNeeded(
                act=act, unit=unit, asked_units=amount, alone_units=policy.above, channel=channel
            )


async def ask(ctx: Context, operation: str, given: Any, needed: ApprovalNeeded) -> DomainError:
    """Keep a mutation for a second one of the staff; returns what the first one is told.

    Who asks for the very same again is told of the same approval.
    """
    key = await _store(ctx, operation, msgspec.to_builtins(given), needed)
    return ApprovalPending(
        approval_id=key,
        act=needed.act,
        unit=needed.unit,
        asked_units=needed.asked_units,
        alone_units=needed.alone_units,
    )


@transaction
async def _store(ctx: Context, operation: str, document: Any, needed: ApprovalNeeded) -> ApprovalId:
    viewer, now = ctx.viewer, ctx.clock.now()
    assert viewer.id is not None, "check_policy lets the shop itself do what it wants"
    asked = msgspec.json.encode([viewer.kind, viewer.id, operation, document], order="sorted")
    fingerprint = hashlib.sha256(asked).hexdigest()
    known = await repository.lock_pending(ctx.db, fingerprint)
    if known is not None and _state(ctx, known) is ApprovalState.PENDING:
        return known.id
    if known is not None:
        # Past its time: else the new one would be the second that is pending.
        await repository.end(ctx.db, known.id, ApprovalState.DECLINED, note="")
    new = Approval(
        id=ApprovalId(new_id()),
        state=ApprovalState.PENDING,
        operation=operation,
        document=document,
        act=needed.act,
        unit=needed.unit,
        asked_units=needed.asked_units,
        requester_kind=viewer.kind.value,
        requester_id=viewer.id,
        person_id=await staff.find_person(ctx),
        requested_at=now,
        expires_at=now + timedelta(days=ctx.settings.approval_days),
        channel=needed.channel,
    )
    await repository.add(ctx.db, new, fingerprint=fingerprint)
    ctx.audited(encode(ApprovalId, new.id), after=_told(new))
    return new.id


async def find_approval(ctx: Context, key: ApprovalId) -> Approval | None:
    """Return an approval, or None; what is of another channel is as if there were none."""
    async with ctx.reading() as db:
        found = await repository.find(db, key)
    return None if found is None or not _is_in_reach(ctx, found) else _seen(ctx, found)


async def find_approvals(ctx: Context, state: ApprovalState | None, page: Page) -> Slice[Approval]:
    """Return a page of approvals, the latest first. state: as it is stored."""
    async with ctx.reading() as db:
        found = await repository.find_page(db, state, page)
    return msgspec.structs.replace(found, rows=[_seen(ctx, one) for one in found.rows])


@transaction
async def approve(ctx: Context, key: ApprovalId) -> Approval:
    """Agree to an act that waits; of two who do so at once, one has, and must see it done.

    One that nobody has seen done for a while, because a process ended, may be agreed to again if
    it has an idempotency key, by which it is the same act however often it is begun.
    Raises ApprovalUnknown, ApprovalBySelf, ApprovalNotPending.
    """
    known = await _lock(ctx, key)
    now, lease = ctx.clock.now(), timedelta(seconds=ctx.settings.idempotency_lease_s)
    state = _state(ctx, known)
    if state is not ApprovalState.PENDING and not rules.may_begin_again(
        known, now=now, lease=lease
    ):
        raise ApprovalNotPending(state=state)
    approved = msgspec.structs.replace(known, state=ApprovalState.APPROVED, decided_at=now)
    await repository.decide(ctx.db, key, approved.state, by=ctx.viewer.id, now=now)
    ctx.audited(encode(ApprovalId, key), before={"state": state}, after={"state": approved.state})
    return approved


@transaction
async def decline(ctx: Context, key: ApprovalId, *, note: str) -> Approval:
    """Say that an act that waits is not to be done.

    Raises ApprovalUnknown, ApprovalBySelf, ApprovalNotPending.
    """
    known = await _lock(ctx, key)
    state = _state(ctx, known)
    if state is not ApprovalState.PENDING:
        raise ApprovalNotPending(state=state)
    told = note.strip()[:NOTE_MAX]
    declined, now = ApprovalState.DECLINED, ctx.clock.now()
    await repository.decide(ctx.db, key, declined, by=ctx.viewer.id, now=now, note=told)
    ctx.audited(encode(ApprovalId, key), before={"state": state}, after={"state": declined})
    return msgspec.structs.replace(known, state=declined, note=told)


@transaction
async def finish(ctx: Context, begun: Approval, *, problem: str) -> None:
    """Note what came of an act that was agreed to. begun: as `approve` returned it.

    problem: why it was refused, or empty. Of several who began it that it is done is what counts.
    """
    known = await repository.lock(ctx.db, begun.id)
    assert known is not None, "approvals are never deleted"
    state = ApprovalState.REFUSED if problem else ApprovalState.DONE
    if not rules.ends(known, begun, state):
        return
    note = problem[:NOTE_MAX]
    await repository.end(ctx.db, begun.id, state, note=note)
    told = encode(ApprovalId, begun.id)
    ctx.audited(told, before={"state": known.state}, after={"state": state})


async def _lock(ctx: Context, key: ApprovalId) -> Approval:
    known = await repository.lock(ctx.db, key)
    if known is None or not _is_in_reach(ctx, known):
        raise ApprovalUnknown(approval=encode(ApprovalId, key))
    # A program is somebody's: two eyes, however many it has, and theirs who made its token.
    asked = {known.requester_id, known.person_id}
    if ctx.viewer.kind is not ViewerKind.STAFF or ctx.viewer.id in asked:
        raise ApprovalBySelf
    return known


def _is_in_reach(ctx: Context, one: Approval) -> bool:
    return not ctx.viewer.limited or ctx.viewer.may_in(WRITES_APPROVALS, one.channel)


def _state(ctx: Context, one: Approval) -> ApprovalState:
    if one.state is ApprovalState.PENDING and one.expires_at <= ctx.clock.now():
        return ApprovalState.EXPIRED
    return one.state


def _seen(ctx: Context, one: Approval) -> Approval:
    return msgspec.structs.replace(one, state=_state(ctx, one))


def _told(one: Approval) -> dict[str, Any]:
    return {
        name: getattr(one, name)
        for name in ("operation", "document", "act", "unit", "asked_units", "expires_at")
    }
