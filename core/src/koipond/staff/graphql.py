"""Staff, roles and service tokens in the staff's schema."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from koipond.kernel.ids import ServiceTokenId, StaffId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    PUBLIC,
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
from koipond.kernel.viewer import ViewerKind
from koipond.staff import service, types
from koipond.staff.types import (
    EVERYWHERE,
    MANAGES_STAFF,
    READS_STAFF,
    Grant,
    ServiceTokenDraft,
    StaffChange,
    StaffDraft,
    StaffState,
)

strawberry.enum(StaffState)

READ = needs(READS_STAFF)
# Who manages staff in some channels gives roles in those: rules.check_held.
WRITE = needs(MANAGES_STAFF, by_channel=True)
# A role is the whole shop's: what it says counts for whoever has it, in whichever channel.
WRITE_ROLES = needs(MANAGES_STAFF)


@strawberry.type(description="A role that somebody has.")
class StaffGrant:
    role: str = strawberry.field(description="Its key")
    channel: str | None = strawberry.field(description="Where; null: in all channels")


@strawberry.type(description="One of those who run the shop.")
class Staff:
    id: strawberry.ID
    email: str
    name: str
    state: StaffState
    roles: list[StaffGrant]
    version: int = strawberry.field(description="What expectedVersion is to be")
    created_at: datetime

    @classmethod
    def of(cls, found: types.Staff) -> "Staff":
        """Wrap one of the staff."""
        return cls(
            id=strawberry.ID(encode(StaffId, found.id)),
            email=found.email,
            name=found.name,
            state=found.state,
            roles=[StaffGrant(role=one.role, channel=one.channel or None) for one in found.grants],
            version=found.version,
            created_at=found.created_at,
        )


@strawberry.type(description="What people of one task may do.")
class Role:
    key: str
    name: str
    permissions: list[str] = strawberry.field(description="* is all of them")
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.Role) -> "Role":
        """Wrap a role."""
        return cls(
            key=found.key,
            name=found.name,
            permissions=list(found.permissions),
            version=found.version,
        )


@strawberry.type(description="A right that a role may have.")
class Permission:
    name: str
    plugin: str | None = strawberry.field(description="Whose; null: core's")
    description: str


@strawberry.type(description="What a program proves itself with.")
class ServiceToken:
    id: strawberry.ID
    name: str
    permissions: list[str]
    channels: list[str] | None = strawberry.field(description="null: all")
    created_at: datetime
    created_by: strawberry.ID | None = strawberry.field(
        description="Of the staff, who may know it still; null: at the console"
    )
    expires_at: datetime | None
    last_used_at: datetime | None = strawberry.field(description="To the minute")
    revoked_at: datetime | None

    @classmethod
    def of(cls, found: types.ServiceToken) -> "ServiceToken":
        """Wrap a service token."""
        return cls(
            id=strawberry.ID(encode(ServiceTokenId, found.id)),
            name=found.name,
            permissions=list(found.permissions),
            channels=None if found.channels is None else list(found.channels),
            created_at=found.created_at,
            created_by=None
            if found.created_by is None
            else strawberry.ID(encode(StaffId, found.created_by)),
            expires_at=found.expires_at,
            last_used_at=found.last_used_at,
            revoked_at=found.revoked_at,
        )


@strawberry.input
class StaffGrantInput:
    role: str = strawberry.field(description="Its key")
    channels: list[str] | None = strawberry.field(
        default=None, description="In these alone; left out: in all, also those yet to be made"
    )


@strawberry.input
class CreateStaffInput:
    email: str
    name: str = ""
    roles: list[StaffGrantInput] = strawberry.field(default_factory=list)


@strawberry.input(description="What is left out stays as it is.")
class UpdateStaffInput:
    staff_id: strawberry.ID
    email: str | None = None
    name: str | None = None
    roles: list[StaffGrantInput] | None = strawberry.field(
        default=None, description="All that they are to have"
    )
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.input
class StaffInput:
    staff_id: strawberry.ID


@strawberry.input
class SetRoleInput:
    key: str = strawberry.field(description="a-z, 0-9 and -")
    name: str = ""
    permissions: list[str] = strawberry.field(description="All that it is to have; * is all")
    expected_version: int | None = strawberry.field(
        default=None, description="As it was read; 0: it is new"
    )


@strawberry.input
class RemoveRoleInput:
    key: str


@strawberry.input
class CreateServiceTokenInput:
    name: str = strawberry.field(description="What staff know it by")
    permissions: list[str]
    channels: list[str] | None = strawberry.field(default=None, description="Left out: all")
    expires_at: datetime | None = strawberry.field(default=None, description="Left out: never")


@strawberry.input
class RevokeServiceTokenInput:
    service_token_id: strawberry.ID


@strawberry.type
class CreateStaffPayload:
    staff: Staff | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateStaffPayload:
    staff: Staff | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DisableStaffPayload:
    staff: Staff | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EnableStaffPayload:
    staff: Staff | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SetRolePayload:
    role: Role | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveRolePayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CreateServiceTokenPayload:
    service_token: ServiceToken | None = None
    token: str | None = strawberry.field(default=None, description="Shown now and never again")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RevokeServiceTokenPayload:
    service_token: ServiceToken | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffQueries:
    @query(PUBLIC)
    async def current_staff(self, info: Info) -> Staff | None:
        """Who asks; null for a program."""
        viewer = info.context.viewer
        if viewer.kind is not ViewerKind.STAFF or viewer.id is None:
            return None
        found = await service.find_staff(info.context, StaffId(viewer.id))
        return None if found is None else Staff.of(found)

    @query(READ)
    async def staff(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[Staff]:
        """Those who run the shop, by their e-mail addresses."""
        found = await service.find_page(info.context, page(first, after, shape=(str,)))
        return connect(found, Staff.of, behind=after is not None)

    @query(READ)
    async def staff_member(self, info: Info, id: strawberry.ID) -> Staff | None:
        """One of the staff; null if there is none of that id."""
        found = await service.find_staff(info.context, decode(StaffId, id))
        return None if found is None else Staff.of(found)

    @query(READ)
    async def roles(self, info: Info) -> list[Role]:
        """Every role, by its key."""
        return [Role.of(one) for one in (await service.find_roles(info.context)).values()]

    @query(READ)
    async def permissions(self, info: Info) -> list[Permission]:
        """The rights that a role may have, core's and the plugins'."""
        return [
            Permission(name=one.name, plugin=one.plugin or None, description=one.description)
            for one in service.find_permissions(info.context)
        ]

    @query(READ)
    async def service_tokens(self, info: Info) -> list[ServiceToken]:
        """The tokens of programs, the oldest first, also those that were revoked."""
        return [ServiceToken.of(one) for one in await service.find_tokens(info.context)]


@strawberry.type
class StaffMutations:
    @mutation(WRITE)
    async def create_staff(self, info: Info, input: CreateStaffInput) -> CreateStaffPayload:
        """Make somebody one of the staff, with roles that you hold yourself."""
        draft = StaffDraft(email=input.email, name=input.name, grants=_grants(input.roles))
        return CreateStaffPayload(staff=Staff.of(await service.create_staff(info.context, draft)))

    @mutation(WRITE)
    async def update_staff(self, info: Info, input: UpdateStaffInput) -> UpdateStaffPayload:
        """Change one of the staff; it is felt at once."""
        change = StaffChange(
            email=input.email,
            name=input.name,
            grants=None if input.roles is None else _grants(input.roles),
        )
        changed = await service.change_staff(
            info.context,
            decode(StaffId, input.staff_id),
            change,
            expected_version=input.expected_version,
        )
        return UpdateStaffPayload(staff=Staff.of(changed))

    @mutation(WRITE)
    async def disable_staff(self, info: Info, input: StaffInput) -> DisableStaffPayload:
        """Let one of the staff do nothing any more: what they hold is not accepted from now on."""
        changed = await service.disable_staff(info.context, decode(StaffId, input.staff_id))
        return DisableStaffPayload(staff=Staff.of(changed))

    @mutation(WRITE)
    async def enable_staff(self, info: Info, input: StaffInput) -> EnableStaffPayload:
        """Let one of the staff do again what their roles say."""
        changed = await service.enable_staff(info.context, decode(StaffId, input.staff_id))
        return EnableStaffPayload(staff=Staff.of(changed))

    @mutation(WRITE_ROLES)
    async def set_role(self, info: Info, input: SetRoleInput) -> SetRolePayload:
        """Make a role, or have a known one allow exactly these permissions."""
        told = await service.set_role(
            info.context,
            input.key,
            name=input.name,
            permissions=input.permissions,
            expected_version=input.expected_version,
        )
        return SetRolePayload(role=Role.of(told))

    @mutation(WRITE_ROLES)
    async def remove_role(self, info: Info, input: RemoveRoleInput) -> RemoveRolePayload:
        """Remove a role that nobody has."""
        await service.remove_role(info.context, input.key)
        return RemoveRolePayload()

    @mutation(WRITE)
    async def create_service_token(
        self, info: Info, input: CreateServiceTokenInput
    ) -> CreateServiceTokenPayload:
        """Make a token for a program, with permissions that you hold yourself."""
        draft = ServiceTokenDraft(
            name=input.name,
            permissions=input.permissions,
            channels=input.channels,
            expires_at=input.expires_at,
        )
        made, text = await service.create_token(info.context, draft)
        return CreateServiceTokenPayload(service_token=ServiceToken.of(made), token=text)

    @mutation(WRITE)
    async def revoke_service_token(
        self, info: Info, input: RevokeServiceTokenInput
    ) -> RevokeServiceTokenPayload:
        """Accept a token no more, from now on."""
        key = decode(ServiceTokenId, input.service_token_id)
        revoked = await service.revoke_token(info.context, key)
        return RevokeServiceTokenPayload(service_token=ServiceToken.of(revoked))


def _grants(given: Sequence[StaffGrantInput]) -> list[Grant]:
    return [
        Grant(role=one.role, channel=channel)
        for one in given
        for channel in ([EVERYWHERE] if one.channels is None else one.channels)
    ]


def register(api: Api) -> None:
    """Add staff to their schema."""
    api.admin(Query, StaffQueries)
    api.admin(Mutation, StaffMutations)
