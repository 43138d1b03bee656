"""Personal data in both schemas: members ask for themselves, staff for anybody."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import MemberId, PrivacyRequestId, decode, encode
from koipond.kernel.schema import (
    MEMBER,
    Api,
    Info,
    Mutation,
    Query,
    UserError,
    mutation,
    needs,
    query,
)
from koipond.privacy import service, types
from koipond.privacy.types import RequestKind, RequestState

PRIVACY = needs("member.privacy")

strawberry.enum(RequestKind, name="PrivacyRequestKind")
strawberry.enum(RequestState, name="PrivacyRequestState")


@strawberry.type(description="That a member's data is wanted, or wanted gone.")
class PrivacyRequest:
    id: strawberry.ID
    kind: RequestKind
    state: RequestState
    problem: str = strawberry.field(description='Why it was refused, "" if it was not')
    document: str | None = strawberry.field(description="What was exported, as JSON")
    created_at: datetime
    done_at: datetime | None

    @classmethod
    def of(cls, found: types.PrivacyRequest) -> "PrivacyRequest":
        """Wrap a request."""
        return cls(
            id=strawberry.ID(encode(PrivacyRequestId, found.id)),
            kind=found.kind,
            state=found.state,
            problem=found.problem,
            document=found.document,
            created_at=found.created_at,
            done_at=found.done_at,
        )


@strawberry.type
class RequestMyExportPayload:
    request: PrivacyRequest | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class EraseMeInput:
    confirm: str = strawberry.field(description="An address or number that you are known by")
    code: str | None = strawberry.field(
        default=None,
        description="Of `requestLoginCode` for that address; None only within 10 min of logging in",
    )


@strawberry.type
class EraseMePayload:
    request: PrivacyRequest | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PrivacyQueries:
    @query(MEMBER)
    async def my_privacy_requests(self, info: Info) -> list[PrivacyRequest]:
        """What you asked for, the newest first, with what was exported."""
        found = await service.find_requests(info.context, _viewer(info))
        return [PrivacyRequest.of(one) for one in found]


@strawberry.type
class PrivacyMutations:
    @mutation(MEMBER)
    async def request_my_export(self, info: Info) -> RequestMyExportPayload:
        """Ask for all that the shop keeps of you; it is there soon."""
        made = await service.request_export(info.context, _viewer(info))
        return RequestMyExportPayload(request=PrivacyRequest.of(made))

    @mutation(MEMBER)
    async def erase_me(self, info: Info, input: EraseMeInput) -> EraseMePayload:
        """Have the shop forget you, who have just logged in. It cannot be undone."""
        made = await service.request_own_erasure(
            info.context, _viewer(info), confirm=input.confirm, code=input.code
        )
        return EraseMePayload(request=PrivacyRequest.of(made))


@strawberry.input
class ExportMemberInput:
    member_id: strawberry.ID


@strawberry.type
class ExportMemberPayload:
    request: PrivacyRequest | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class EraseMemberInput:
    member_id: strawberry.ID


@strawberry.type
class EraseMemberPayload:
    request: PrivacyRequest | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffPrivacyQueries:
    @query(PRIVACY)
    async def privacy_requests(self, info: Info, member_id: strawberry.ID) -> list[PrivacyRequest]:
        """What was asked about a member, the newest first."""
        found = await service.find_requests(info.context, decode(MemberId, member_id))
        return [PrivacyRequest.of(one) for one in found]


@strawberry.type
class StaffPrivacyMutations:
    @mutation(PRIVACY)
    async def export_member(self, info: Info, input: ExportMemberInput) -> ExportMemberPayload:
        """Gather all that is kept of a member."""
        made = await service.request_export(info.context, decode(MemberId, input.member_id))
        return ExportMemberPayload(request=PrivacyRequest.of(made))

    @mutation(PRIVACY)
    async def erase_member(self, info: Info, input: EraseMemberInput) -> EraseMemberPayload:
        """Forget a member; orders and bookings stay, for nobody. It cannot be undone."""
        made = await service.request_erasure(info.context, decode(MemberId, input.member_id))
        return EraseMemberPayload(request=PrivacyRequest.of(made))


def _viewer(info: Info) -> MemberId:
    key = info.context.viewer.member_id
    assert key is not None, "MEMBER lets nobody else in"
    return key


def register(api: Api) -> None:
    """Add personal data to both schemas."""
    api.storefront(Query, PrivacyQueries)
    api.storefront(Mutation, PrivacyMutations)
    api.admin(Query, StaffPrivacyQueries)
    api.admin(Mutation, StaffPrivacyMutations)
