"""Use-cases of personal data: exported for whom it is about, and erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.extensions import Declared
from koipond.kernel.ids import (
    MemberId,
    OwnerId,
    PrivacyRequestId,
    SubjectId,
    encode,
    new_id,
)
from koipond.kernel.jobs import enqueue
from koipond.login import service as login
from koipond.member import service as member
from koipond.member.errors import MemberUnknown
from koipond.privacy import repository, rules
from koipond.privacy.errors import ErasureUnconfirmed
from koipond.privacy.events import MemberErased
from koipond.privacy.types import (
    ErasedMember,
    EraseMember,
    ExportMember,
    PrivacyRequest,
    RequestKind,
    RequestState,
)
from koipond.quota import service as quota


async def export(ctx: Context, member_id: MemberId) -> dict[str, Any]:
    """Return all that is kept of a member, core's and every plugin's, {table: rows}.

    Those who became the member are the member. Raises MemberUnknown.
    """
    keys = await _keys_of(ctx, member_id)
    async with ctx.reading() as db:
        core: dict[str, list[dict[str, Any]]] = {}
        for said in rules.CORE_TABLES:
            rows = await repository.read(db, said, keys)
            core.setdefault(said.table, []).extend(rows)
        core["ledger_transfer"] = await repository.read_bookings(db, keys)
        plugins = {
            name: {one.table.name: await repository.read_declared(db, one, keys) for one in own}
            for name, own in _declared(ctx).items()
        }
    return {
        "member": encode(MemberId, member_id),
        "exported_at": ctx.clock.now(),
        "core": {name: rows for name, rows in core.items() if rows},
        "plugins": {name: tables for name, tables in plugins.items() if tables},
    }


@transaction
async def request_export(ctx: Context, member_id: MemberId) -> PrivacyRequest:
    """Ask for all that is kept of a member; a job gathers it. Raises MemberUnknown."""
    await _keys_of(ctx, member_id)
    made = await _ask(ctx, member_id, RequestKind.EXPORT)
    await enqueue(ctx, ExportMember(request_id=made.id))
    return made


async def request_own_erasure(
    ctx: Context, member_id: MemberId, *, confirm: str, code: str | None
) -> PrivacyRequest:
    """Ask to be forgotten, as a member who has just shown who they are.

    confirm: what they are known by. code: one that was sent there, of who did not just log in, to
    an address that they have proved.
    Raises ErasureUnconfirmed, ErasureBlocked, LoginTooOld, LoginRefused, RateLimited.
    """
    keys = await _keys_of(ctx, member_id)
    async with ctx.reading() as db:
        # A code proves something only at an address that they have proved: any can be typed.
        known = await (
            repository.find_known(db, keys) if code is None else repository.find_proven(db, keys)
        )
    if confirm.strip().lower() not in known:
        raise ErasureUnconfirmed().located("confirm")
    await login.check_presence(ctx, confirm, code)
    return await request_erasure(ctx, member_id)


@transaction
async def request_erasure(ctx: Context, member_id: MemberId) -> PrivacyRequest:
    """Ask for a member to be forgotten; a job does it, and it cannot be undone.

    Raises MemberUnknown, ErasureBlocked.
    """
    keys = await _keys_of(ctx, member_id)
    rules.check_over(await repository.find_open(ctx.db, keys))
    made = await _ask(ctx, member_id, RequestKind.ERASURE)
    await enqueue(ctx, EraseMember(request_id=made.id))
    return made


async def run_export(ctx: Context, job: ExportMember) -> None:
    """Gather what an export asks for; again, it is gathered anew."""
    request = await _find(ctx, job.request_id)
    if request is None or request.state is not RequestState.WAITING:
        return
    found = await export(ctx, request.member_id)
    await _finish(ctx, request, document=msgspec.json.encode(found).decode())


async def run_erasure(ctx: Context, job: EraseMember) -> None:
    """Forget whom an erasure asks for; what stands in the way by now refuses it."""
    request = await _find(ctx, job.request_id)
    if request is None or request.state is not RequestState.WAITING:
        return
    try:
        await erase(ctx, request.member_id)
    except DomainError as refusal:
        await _finish(ctx, request, problem=str(refusal)[:500])
    else:
        await _finish(ctx, request)


async def erase(ctx: Context, member_id: MemberId) -> None:
    """Forget a member: what stays is booked for an id that nothing leads back from.

    Again, there is nothing left to forget. Raises MemberUnknown, ErasureBlocked, PluginFailed.
    """
    keys = await _keys_of(ctx, member_id)
    async with ctx.reading() as db:
        rules.check_over(await repository.find_open(db, keys))
        subjects = await repository.find_guest_subjects(db, keys)
    for subject, orders in subjects.items():
        owners = [OwnerId(key) for key in orders]
        await quota.merge_subjects(ctx, SubjectId(subject), SubjectId(member_id), owners=owners)
    await _erase(ctx, member_id)
    login.heed_ends(ctx)


@transaction
async def _erase(ctx: Context, member_id: MemberId) -> None:
    await member.lock(ctx, [member_id])
    keys = await _keys_of(ctx, member_id)
    rules.check_over(await repository.find_open(ctx.db, keys))
    erased = ErasedMember(member_id=member_id, keys=tuple(keys))
    await ctx.hooks.member_erasing(ctx, erased)
    for own in _declared(ctx).values():
        for one in own:
            await repository.erase_declared(ctx.db, one, keys, member_id)
    known = await repository.find_known(ctx.db, keys)
    # They may have typed anybody's address: what is sent there is not theirs to delete.
    known -= await repository.find_proven_by_others(ctx.db, known, keys)
    to = rules.find_addresses(known)
    await login.forget(ctx, keys, to)
    await repository.erase_carts(ctx.db, known)
    await repository.erase_messages(ctx.db, known)
    await repository.erase_refusals(ctx.db, [one.value for one in to])
    await repository.erase_files(ctx.db)
    await repository.erase_approvals(ctx.db, await repository.find_names(ctx.db, keys))
    await repository.erase_events(ctx.db, keys)
    await repository.erase_notes(ctx.db, keys)
    await repository.erase_keys(ctx.db, keys)
    for said in rules.CORE_TABLES:
        await repository.erase(ctx.db, said, keys)
    await repository.set_erased(ctx.db, member_id)
    ctx.emit(MemberErased(member_id=member_id))


async def find_requests(ctx: Context, member_id: MemberId) -> Sequence[PrivacyRequest]:
    """Return what was asked about a member, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_of(db, member_id)


async def _keys_of(ctx: Context, member_id: MemberId) -> list[MemberId]:
    if not await member.find_people(ctx, [member_id]):
        raise MemberUnknown(member=encode(MemberId, member_id))
    return await member.find_keys(ctx, member_id)


def _declared(ctx: Context) -> dict[str, Sequence[Declared]]:
    found = ctx.shop.extensions.personal
    return {name: own for name, own in found.items() if own}


async def _ask(ctx: Context, member_id: MemberId, kind: RequestKind) -> PrivacyRequest:
    made = PrivacyRequest(
        id=PrivacyRequestId(new_id()),
        member_id=member_id,
        kind=kind,
        state=RequestState.WAITING,
        made_by=f"{ctx.viewer.kind}:{ctx.viewer.id}" if ctx.viewer.id else str(ctx.viewer.kind),
        created_at=ctx.clock.now(),
    )
    await repository.add(ctx.db, made)
    ctx.audited(encode(MemberId, member_id), after={"asked": kind})
    return made


async def _find(ctx: Context, key: PrivacyRequestId) -> PrivacyRequest | None:
    async with ctx.reading() as db:
        return await repository.find(db, key)


@transaction
async def _finish(
    ctx: Context, request: PrivacyRequest, *, document: str | None = None, problem: str = ""
) -> None:
    state = RequestState.REFUSED if problem else RequestState.DONE
    now = ctx.clock.now()
    await repository.finish(ctx.db, request.id, state, now=now, document=document, problem=problem)
