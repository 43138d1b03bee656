"""Members in the schema. A Member is seen by itself and by staff only."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import MemberId, decode, encode
from koipond.kernel.schema import (
    PUBLIC,
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
from koipond.member import service, types

READ = needs("member.read")
WRITE = needs("member.write")


@strawberry.type(description="Someone who buys, as seen by themselves.")
class Member:
    key: strawberry.Private[MemberId]
    id: strawberry.ID
    name: str
    email: str | None
    phone: str | None
    created_at: datetime

    @classmethod
    def of(cls, found: types.Member) -> "Member":
        """Wrap a member."""
        return cls(
            key=found.id,
            id=strawberry.ID(encode(MemberId, found.id)),
            name=found.name,
            email=found.email,
            phone=found.phone,
            created_at=found.created_at,
        )


@strawberry.type
class MemberQueries:
    @query(PUBLIC)
    async def me(self, info: Info) -> Member | None:
        """The member whose token came with this request; null for everyone else."""
        key = info.context.viewer.member_id
        found = await service.find_member(info.context, key) if key is not None else None
        return Member.of(found) if found is not None else None


@strawberry.type(description="Members who are sold to alike: wholesale, staff, a tier.")
class MemberGroup:
    code: str
    name: str

    @classmethod
    def of(cls, found: types.MemberGroup) -> "MemberGroup":
        """Wrap a group."""
        return cls(code=found.code, name=found.name)


@strawberry.type
class StaffMember:
    @batch
    @staticmethod
    async def groups(parents: list[Member], info: Info) -> list[list[str]]:
        """The codes of the groups that the member is in."""
        found = await service.find_groups_of(info.context, [parent.key for parent in parents])
        return [sorted(found.get(parent.key, ())) for parent in parents]


@strawberry.input
class SetMemberGroupInput:
    code: str = strawberry.field(description="a-z, 0-9 and -")
    name: str


@strawberry.input
class ChangeMemberGroupsInput:
    member_id: strawberry.ID
    join: list[str] = strawberry.field(default_factory=list, description="Codes of groups")
    leave: list[str] = strawberry.field(default_factory=list, description="Codes of groups")


@strawberry.type
class SetMemberGroupPayload:
    member_group: MemberGroup | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ChangeMemberGroupsPayload:
    member: Member | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffMemberQueries:
    @query(READ)
    async def member(self, info: Info, id: strawberry.ID) -> Member | None:
        """A member by id; null if there is none."""
        found = await service.find_member(info.context, decode(MemberId, id))
        return Member.of(found) if found is not None else None

    @query(READ)
    async def member_groups(self, info: Info) -> list[MemberGroup]:
        """Every group of members, by its code."""
        found = await service.find_groups(info.context)
        return [MemberGroup.of(one) for one in found.values()]


@strawberry.type
class StaffMemberMutations:
    @mutation(WRITE)
    async def set_member_group(
        self, info: Info, input: SetMemberGroupInput
    ) -> SetMemberGroupPayload:
        """Make a group of members, or call a known one otherwise."""
        told = await service.set_group(info.context, input.code, input.name)
        return SetMemberGroupPayload(member_group=MemberGroup.of(told))

    @mutation(WRITE)
    async def change_member_groups(
        self, info: Info, input: ChangeMemberGroupsInput
    ) -> ChangeMemberGroupsPayload:
        """Put a member into groups and take them out of others."""
        found = await service.change_groups(
            info.context, decode(MemberId, input.member_id), join=input.join, leave=input.leave
        )
        return ChangeMemberGroupsPayload(member=Member.of(found))


def register(api: Api) -> None:
    """Add members to the storefront's schema, and their groups to that of staff."""
    api.storefront(Query, MemberQueries)
    api.admin(Query, StaffMemberQueries)
    api.admin(Mutation, StaffMemberMutations)
    api.admin(Member, StaffMember)
