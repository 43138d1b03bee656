"""Approvals in the staff's schema."""

import copy
from datetime import datetime
from uuid import UUID

import strawberry
from msgspec import structs
from strawberry.scalars import JSON

from koipond.approval import service, types
from koipond.approval.errors import ApprovalUnknown
from koipond.approval.types import ApprovalState
from koipond.kernel.audit import Act
from koipond.kernel.context import Context
from koipond.kernel.ids import ApprovalId, StaffId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Api,
    Connection,
    Info,
    Mutation,
    Query,
    UserError,
    connect,
    mutation,
    needs,
    query,
)
from koipond.kernel.schema.again import call_again, check_may, find_mutation
from koipond.kernel.viewer import ViewerKind

strawberry.enum(ApprovalState)

READ = needs("approval.read")
# Who agrees must hold, beside it, what the act itself asks for; both in the channel that it is of.
WRITE = needs(types.WRITES_APPROVALS, by_channel=True)


@strawberry.type(description="An act that waits for a second one of the staff, or waited.")
class Approval:
    id: strawberry.ID
    state: ApprovalState
    operation: str = strawberry.field(description="The mutation")
    input: JSON = strawberry.field(description="What it was told")
    act: str
    unit: str = strawberry.field(description="A currency, or a plugin's unit")
    asked_units: str = strawberry.field(
        description="The smallest ones of the unit, with what was done before"
    )
    requested_by: strawberry.ID | None = strawberry.field(description="null: a program")
    requested_at: datetime
    expires_at: datetime
    decided_by: strawberry.ID | None
    decided_at: datetime | None
    note: str

    @classmethod
    def of(cls, found: types.Approval) -> "Approval":
        """Wrap an approval."""
        of_staff = found.requester_kind == ViewerKind.STAFF
        return cls(
            id=strawberry.ID(encode(ApprovalId, found.id)),
            state=found.state,
            operation=found.operation,
            input=found.document,
            act=found.act,
            unit=found.unit,
            asked_units=str(found.asked_units),
            requested_by=_staff(found.requester_id if of_staff else None),
            requested_at=found.requested_at,
            expires_at=found.expires_at,
            decided_by=_staff(found.decided_by),
            decided_at=found.decided_at,
            note=found.note,
        )


@strawberry.input
class ApproveActInput:
    approval_id: strawberry.ID


@strawberry.input
class DeclineActInput:
    approval_id: strawberry.ID
    note: str = strawberry.field(default="", description="For whoever reads it later")


@strawberry.type
class ApproveActPayload:
    approval: Approval | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DeclineActPayload:
    approval: Approval | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ApprovalQueries:
    @query(READ)
    async def approvals(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        state: ApprovalState | None = None,
    ) -> Connection[Approval]:
        """Acts that wait for a second one of the staff, or waited, the latest first."""
        found = await service.find_approvals(info.context, state, page(first, after, shape=(UUID,)))
        return connect(found, Approval.of, behind=after is not None)


@strawberry.type
class ApprovalMutations:
    @mutation(WRITE)
    async def approve_act(self, info: Info, input: ApproveActInput) -> ApproveActPayload:
        """Agree to an act that another one of the staff asked for; it is done now, once.

        What the act itself is refused by is told here, and the approval is REFUSED.
        """
        ctx, key = info.context, decode(ApprovalId, input.approval_id)
        known = await service.find_approval(ctx, key)
        field = None if known is None else find_mutation(info, known.operation)
        if known is None or field is None:
            raise ApprovalUnknown(approval=input.approval_id)
        check_may(field, ctx, known.channel)
        approved = await service.approve(ctx, key)
        payload = await call_again(info, field, approved.document, _as_asked(ctx, approved))
        problem = ", ".join(one.message for one in payload.user_errors)
        await service.finish(ctx, approved, problem=problem)
        done = await service.find_approval(ctx, key)
        assert done is not None, "approvals are never deleted"
        return ApproveActPayload(approval=Approval.of(done), user_errors=payload.user_errors)

    @mutation(WRITE)
    async def decline_act(self, info: Info, input: DeclineActInput) -> DeclineActPayload:
        """Say that an act is not to be done; who asked may ask anew."""
        key = decode(ApprovalId, input.approval_id)
        known = await service.find_approval(info.context, key)
        field = None if known is None else find_mutation(info, known.operation)
        if known is not None and field is not None:
            check_may(field, info.context, known.channel)
        declined = await service.decline(info.context, key, note=input.note)
        return DeclineActPayload(approval=Approval.of(declined))


def _as_asked(ctx: Context, approved: types.Approval) -> Context:
    """Return the request as of who asked, whose idempotency key it is, with what who agrees may."""
    viewer = structs.replace(
        ctx.viewer, kind=ViewerKind(approved.requester_kind), id=approved.requester_id
    )
    asked = copy.copy(ctx)
    asked.viewer = viewer
    asked.act = Act(approved.operation, is_approved=True)
    return asked


def _staff(key: UUID | None) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(encode(StaffId, StaffId(key)))


def register(api: Api) -> None:
    """Add approvals to the staff's schema."""
    api.admin(Query, ApprovalQueries)
    api.admin(Mutation, ApprovalMutations)
