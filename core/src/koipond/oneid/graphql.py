"""One-ID in the schema of staff."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import MemberId, MergeId, decode, encode
from koipond.kernel.schema import (
    Api,
    Info,
    Mutation,
    Query,
    UserError,
    batch,
    mutation,
    needs,
    query,
)
from koipond.member import service as member_service
from koipond.member.graphql import Member
from koipond.oneid import service, types
from koipond.oneid.types import MergeReason

READ = needs("member.read")
MERGE = needs("member.merge")

strawberry.enum(MergeReason)


@strawberry.type(description="That one member turned out to be another.")
class MemberMerge:
    id: strawberry.ID
    survivor_id: strawberry.ID
    merged_id: strawberry.ID
    reason: MergeReason
    kind: str = strawberry.field(description='What both have proven, "" if staff decided it')
    note: str
    merged_at: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, found: types.MemberMerge) -> "MemberMerge":
        """Wrap a merge."""
        return cls(
            id=strawberry.ID(encode(MergeId, found.id)),
            survivor_id=_member_id(found.survivor_id),
            merged_id=_member_id(found.merged_id),
            reason=found.reason,
            kind=found.kind,
            note=found.note,
            merged_at=found.merged_at,
            undone_at=found.undone_at,
        )


@strawberry.type(description="Something that a member is known by.")
class MemberIdentity:
    kind: str
    value: str
    verified_at: datetime | None = strawberry.field(description="null: nobody has proven it")


@strawberry.type
class StaffMemberMerges:
    @batch
    @staticmethod
    async def identities(parents: list[Member], info: Info) -> list[list[MemberIdentity]]:
        """All that the member is known by, those of merged members too."""
        people = await member_service.find_people(info.context, [one.key for one in parents])
        return [
            [
                MemberIdentity(kind=one.kind, value=one.value, verified_at=one.verified_at)
                for one in people[parent.key].identities
            ]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def merge_stamp(parents: list[Member], info: Info) -> list[str]:
        """What `mergeMembers` expects: it changes with whatever the member is known by."""
        found = await service.find_stamps(info.context, [one.key for one in parents])
        return [found[parent.key] for parent in parents]

    @batch
    @staticmethod
    async def merges(parents: list[Member], info: Info) -> list[list[MemberMerge]]:
        """The merges that the member took part in, the newest first; undone ones too."""
        found = await service.find_merges(info.context, [one.key for one in parents])
        return [[MemberMerge.of(one) for one in found[parent.key]] for parent in parents]


@strawberry.type(description="A member who may be the same person.")
class MergeCandidate:
    member_id: strawberry.ID
    kind: str = strawberry.field(description="What both are known by")
    value: str


@strawberry.type
class StaffMergeQueries:
    @query(READ)
    async def merge_candidates(self, info: Info, member_id: strawberry.ID) -> list[MergeCandidate]:
        """Who is known by something that this member is known by, whoever has proven it."""
        found = await service.find_candidates(info.context, decode(MemberId, member_id))
        return [
            MergeCandidate(member_id=_member_id(one.member_id), kind=one.kind, value=one.value)
            for one in found
        ]


@strawberry.input
class MergeMembersInput:
    survivor_id: strawberry.ID = strawberry.field(description="Who stays")
    merged_id: strawberry.ID = strawberry.field(description="Who becomes the other")
    expected_survivor: str = strawberry.field(description="The survivor's mergeStamp")
    expected_merged: str = strawberry.field(description="The other's mergeStamp")
    note: str = ""


@strawberry.type
class MergeMembersPayload:
    merge: MemberMerge | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class UndoMergeInput:
    merge_id: strawberry.ID


@strawberry.type
class UndoMergePayload:
    merge: MemberMerge | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffMergeMutations:
    @mutation(MERGE)
    async def merge_members(self, info: Info, input: MergeMembersInput) -> MergeMembersPayload:
        """Make two members one: what both have and are known by is the survivor's."""
        wish = types.MergeWish(
            survivor_id=decode(MemberId, input.survivor_id),
            merged_id=decode(MemberId, input.merged_id),
            expected_survivor=input.expected_survivor,
            expected_merged=input.expected_merged,
            note=input.note,
        )
        made = await service.merge_members(info.context, wish)
        return MergeMembersPayload(merge=MemberMerge.of(made))

    @mutation(MERGE)
    async def undo_merge(self, info: Info, input: UndoMergeInput) -> UndoMergePayload:
        """Make a merged member themselves again; what came since the merge stays."""
        undone = await service.undo_merge(info.context, decode(MergeId, input.merge_id))
        return UndoMergePayload(merge=MemberMerge.of(undone))


def _member_id(key: MemberId) -> strawberry.ID:
    return strawberry.ID(encode(MemberId, key))


def register(api: Api) -> None:
    """Add merges to the schema of staff."""
    api.admin(Member, StaffMemberMerges)
    api.admin(Query, StaffMergeQueries)
    api.admin(Mutation, StaffMergeMutations)
