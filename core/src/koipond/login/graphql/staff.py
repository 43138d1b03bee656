"""Logging in and out in the staff's schema."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import StaffId
from koipond.kernel.schema import PUBLIC, Info, UserError, mutation
from koipond.kernel.viewer import ViewerKind
from koipond.login import service
from koipond.login.graphql.members import (
    LogOutInput,
    LogOutPayload,
    RefreshLoginInput,
    RefreshLoginPayload,
)
from koipond.staff import service as staff
from koipond.staff.graphql import Staff


@strawberry.input
class LogInStaffInput:
    email: str
    password: str


@strawberry.input(name="ChangePasswordInput")
class StaffChangePasswordInput:
    current_password: str
    new_password: str


@strawberry.type
class LogInStaffPayload:
    staff: Staff | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(name="ChangePasswordPayload")
class StaffChangePasswordPayload:
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffLoginMutations:
    """Logging in and out as staff; graphql/viewing.py lists what guests may call of it."""

    @mutation(PUBLIC)
    async def log_in_staff(self, info: Info, input: LogInStaffInput) -> LogInStaffPayload:
        """Log in as one of the staff."""
        tokens = await service.log_in_staff(info.context, input.email, input.password)
        found = await staff.find_staff(info.context, StaffId(tokens.principal.id))
        return LogInStaffPayload(
            staff=None if found is None else Staff.of(found),
            access_token=tokens.access,
            refresh_token=tokens.refresh,
            expires_at=tokens.expires_at,
        )

    @mutation(PUBLIC)
    async def refresh_login(self, info: Info, input: RefreshLoginInput) -> RefreshLoginPayload:
        """Get the next access token, and the next refresh token: this one is spent."""
        tokens = await service.refresh_login(
            info.context, input.refresh_token, kinds=(ViewerKind.STAFF,)
        )
        return await RefreshLoginPayload.of(info, tokens)

    @mutation(PUBLIC)
    async def change_password(
        self, info: Info, input: StaffChangePasswordInput
    ) -> StaffChangePasswordPayload:
        """Set another password of yours; every login ends, and this one goes on by new tokens."""
        tokens = await service.change_staff_password(
            info.context, current=input.current_password, new=input.new_password
        )
        return StaffChangePasswordPayload(
            access_token=tokens.access,
            refresh_token=tokens.refresh,
            expires_at=tokens.expires_at,
        )

    @mutation(PUBLIC)
    async def log_out(self, info: Info, input: LogOutInput) -> LogOutPayload:
        """End this login; again, it changes nothing."""
        await service.log_out(info.context, input.refresh_token)
        return LogOutPayload(done=True)
