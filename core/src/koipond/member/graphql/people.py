"""Members in the schema. A Member is seen by itself and by staff only."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.kernel.ids import MemberId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Connection,
    Info,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
)
from koipond.member import service, types
from koipond.member.types import MemberState
from koipond.notify import service as notify
from koipond.notify.graphql import Message
from koipond.notify.types import Purpose

strawberry.enum(MemberState)

READ = needs("member.read")
WRITE = needs("member.write")


@strawberry.type(description="A member as everybody may see them.")
class MemberCard:
    name: str = strawberry.field(description="Shortened, such as Lin W.")

    @classmethod
    def of(cls, found: types.Member) -> "MemberCard":
        """Wrap what everybody may see of a member."""
        return cls(name=service.card_of(found).name)


@strawberry.type(description="Someone who buys, as seen by themselves.")
class Member:
    key: strawberry.Private[MemberId]
    id: strawberry.ID
    name: str
    email: str | None
    phone: str | None
    time_zone: str | None = strawberry.field(
        description="An IANA name; decides when they are not disturbed"
    )
    locale: str = strawberry.field(description="Which language they read")
    card: MemberCard = strawberry.field(description="What others see of them")
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
            time_zone=found.time_zone,
            locale=found.locale,
            card=MemberCard.of(found),
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


@strawberry.type(description="What a member agrees to.")
class Consent:
    purpose: Purpose
    given_at: datetime
    source: str = strawberry.field(description="Where they said so")

    @classmethod
    def of(cls, found: types.Consent) -> "Consent":
        """Wrap a consent."""
        return cls(purpose=found.purpose, given_at=found.given_at, source=found.source)


@strawberry.type
class MemberConsents:
    @batch
    @staticmethod
    async def consents(parents: list[Member], info: Info) -> list[list[Consent]]:
        """What the member agrees to."""
        found = await service.find_consents(info.context, [parent.key for parent in parents])
        return [[Consent.of(one) for one in found.get(parent.key, [])] for parent in parents]


@strawberry.type
class MemberMessages:
    @batch
    @staticmethod
    async def messages(
        parents: list[Member],
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        unread_only: bool = False,
    ) -> list[Connection[Message]]:
        """What the member reads in the shop, the newest first."""
        wanted = page(first, after, shape=(int,))
        found = [
            await notify.find_centre(info.context, one.key, wanted, unread_only=unread_only)
            for one in parents
        ]
        return [connect(one, Message.of, behind=after is not None) for one in found]

    @batch
    @staticmethod
    async def unread_messages(parents: list[Member], info: Info) -> list[int]:
        """How many of them the member has not read."""
        found = await notify.count_unread(info.context, [parent.key for parent in parents])
        return [found[parent.key] for parent in parents]


@strawberry.input
class UpdateMemberInput:
    name: str | None = strawberry.field(default=None, description="None leaves it")
    locale: str | None = strawberry.field(
        default=None, description="A language tag such as zh-Hans; None leaves it"
    )


@strawberry.type
class UpdateMemberPayload:
    member: Member | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class SetTimeZoneInput:
    time_zone: str = strawberry.field(description="An IANA name, such as Asia/Shanghai")


@strawberry.input
class SetConsentInput:
    purpose: Purpose
    given: bool = strawberry.field(description="false withdraws it")


@strawberry.type
class SetTimeZonePayload:
    member: Member | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SetConsentPayload:
    member: Member | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class MemberMutations:
    @mutation(MEMBER)
    async def update_member(self, info: Info, input: UpdateMemberInput) -> UpdateMemberPayload:
        """Say what you are called and which language you read."""
        key = info.context.viewer.member_id
        assert key is not None, "MEMBER has seen to it"
        found = await service.update_member(info.context, key, name=input.name, locale=input.locale)
        return UpdateMemberPayload(member=Member.of(found))

    @mutation(MEMBER)
    async def set_time_zone(self, info: Info, input: SetTimeZoneInput) -> SetTimeZonePayload:
        """Say where you live: at night there you are not disturbed."""
        key = info.context.viewer.member_id
        assert key is not None, "MEMBER has seen to it"
        found = await service.set_time_zone(info.context, key, input.time_zone)
        return SetTimeZonePayload(member=Member.of(found))

    @mutation(MEMBER)
    async def set_consent(self, info: Info, input: SetConsentInput) -> SetConsentPayload:
        """Agree to messages of a purpose, or withdraw it; orders are told of without."""
        key = info.context.viewer.member_id
        assert key is not None, "MEMBER has seen to it"
        found = await service.set_consent(
            info.context, key, input.purpose, given=input.given, source="storefront"
        )
        return SetConsentPayload(member=Member.of(found))


@strawberry.type(description="Members who are sold to alike: wholesale, staff, a tier.")
class MemberGroup:
    code: str
    name: str
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.MemberGroup) -> "MemberGroup":
        """Wrap a group."""
        return cls(code=found.code, name=found.name, version=found.version)


@strawberry.type
class StaffMember:
    @batch
    @staticmethod
    async def version(parents: list[Member], info: Info) -> list[int]:
        """What expectedVersion is to be."""
        found = await service.find_versions(info.context, [parent.key for parent in parents])
        return [found[parent.key] for parent in parents]

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
    expected_version: int | None = strawberry.field(
        default=None, description="As it was read; 0 if it is to be a new one"
    )


@strawberry.input
class ChangeMemberGroupsInput:
    member_id: strawberry.ID
    join: list[str] = strawberry.field(default_factory=list, description="Codes of groups")
    leave: list[str] = strawberry.field(default_factory=list, description="Codes of groups")
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.input(name="UpdateMemberInput")
class StaffUpdateMemberInput:
    member_id: strawberry.ID
    name: str | None = strawberry.field(default=None, description="None leaves it")
    locale: str | None = strawberry.field(
        default=None, description="A language tag such as zh-Hans; None leaves it"
    )
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.input(description="All of what is told must fit.")
class MemberFilter:
    email: str | None = strawberry.field(default=None, description="That they are known by")
    phone: str | None = strawberry.field(default=None, description="With its country")
    name: str | None = strawberry.field(default=None, description="How it begins")
    group: str | None = strawberry.field(default=None, description="The code of a group")
    state: MemberState | None = strawberry.field(
        default=None, description="None: all but those who became another one"
    )

    def read(self) -> types.MemberFilter:
        """Return who is wanted."""
        return types.MemberFilter(
            email=self.email,
            phone=self.phone,
            name=self.name,
            group=self.group,
            state=self.state,
        )


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
    async def members(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: MemberFilter | None = None,  # the field's name
    ) -> Connection[Member]:
        """Members, or those who fit, the newest first."""
        wanted = (filter or MemberFilter()).read()
        found = await service.find_members(info.context, wanted, page(first, after, shape=(UUID,)))
        return connect(found, Member.of, behind=after is not None)

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
        told = await service.set_group(
            info.context, input.code, input.name, expected_version=input.expected_version
        )
        return SetMemberGroupPayload(member_group=MemberGroup.of(told))

    @mutation(WRITE)
    async def update_member(self, info: Info, input: StaffUpdateMemberInput) -> UpdateMemberPayload:
        """Say what a member is called and which language they read."""
        key = decode(MemberId, input.member_id)
        found = await service.update_any_member(
            info.context,
            key,
            name=input.name,
            locale=input.locale,
            expected_version=input.expected_version,
        )
        return UpdateMemberPayload(member=Member.of(found))

    @mutation(WRITE)
    async def change_member_groups(
        self, info: Info, input: ChangeMemberGroupsInput
    ) -> ChangeMemberGroupsPayload:
        """Put a member into groups and take them out of others."""
        found = await service.change_any_groups(
            info.context,
            decode(MemberId, input.member_id),
            join=input.join,
            leave=input.leave,
            expected_version=input.expected_version,
        )
        return ChangeMemberGroupsPayload(member=Member.of(found))
