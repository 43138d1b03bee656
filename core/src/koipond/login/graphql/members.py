"""Logging in and out in the storefront's schema, and who is logged in where."""

from datetime import datetime
from typing import Self

import strawberry

from koipond.kernel.ids import LoginSessionId, MemberId, decode, encode
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Info,
    UserError,
    batch,
    mutation,
    query,
)
from koipond.login import service, types
from koipond.member import service as members
from koipond.member.graphql import Member, SourceInput

_ADDRESS = "An e-mail address, or a phone number with its country such as +86 138 0000 0000"
_CODE = (
    "Of `requestLoginCode` for an address that you have proved: of who has no password yet, and "
    "logged in more than 10 min ago"
)
_CART = "The cart of the guest, which becomes the member's"


@strawberry.type(description="A login on one device.")
class LoginSession:
    id: strawberry.ID
    device: str = strawberry.field(description="What the program said that it is")
    ip: str = strawberry.field(description="From where it was last refreshed")
    created_at: datetime
    used_at: datetime = strawberry.field(description="When it was last refreshed")
    is_current: bool = strawberry.field(description="It is the one that asks")

    @classmethod
    def of(cls, found: types.LoginSession, info: Info) -> "LoginSession":
        """Wrap a login."""
        return cls(
            id=strawberry.ID(encode(LoginSessionId, found.id)),
            device=found.device,
            ip=found.address,
            created_at=found.created_at,
            used_at=found.used_at,
            is_current=found.id == info.context.viewer.session_id,
        )


@strawberry.type
class MemberLogins:
    @batch
    @staticmethod
    async def login_sessions(parents: list[Member], info: Info) -> list[list[LoginSession]]:
        """Where the member is logged in, what was used last first."""
        found = await service.find_sessions(info.context, [parent.key for parent in parents])
        return [[LoginSession.of(one, info) for one in found[each.key]] for each in parents]


@strawberry.type
class LoginQueries:
    @query(PUBLIC)
    async def login_providers(self, info: Info) -> list[str]:
        """The keys of the login providers that `logInWithProvider` knows."""
        return service.login_providers(info.context)


@strawberry.input
class RegisterMemberInput:
    address: str = strawberry.field(description=_ADDRESS)
    password: str
    name: str = ""
    source: SourceInput | None = None


@strawberry.input
class LogInInput:
    address: str = strawberry.field(description=_ADDRESS)
    password: str
    cart_token: str | None = strawberry.field(default=None, description=_CART)


@strawberry.input
class LogOutInput:
    refresh_token: str | None = strawberry.field(
        default=None, description="None ends the login of the access token"
    )


@strawberry.input
class RefreshLoginInput:
    refresh_token: str


@strawberry.input
class RequestLoginCodeInput:
    address: str = strawberry.field(description=_ADDRESS)


@strawberry.input
class LogInWithCodeInput:
    address: str = strawberry.field(description=_ADDRESS)
    code: str
    registration: str | None = strawberry.field(
        default=None, description="What `registerMember` gave: it sets the password of then"
    )
    cart_token: str | None = strawberry.field(default=None, description=_CART)


@strawberry.input
class LoginDataInput:
    key: str
    value: str


@strawberry.input
class LogInWithProviderInput:
    provider: str
    data: list[LoginDataInput] = strawberry.field(
        description="What the provider gave the client: a code, a state"
    )
    cart_token: str | None = strawberry.field(default=None, description=_CART)


@strawberry.input
class RequestPasswordResetInput:
    address: str = strawberry.field(description=_ADDRESS)


@strawberry.input
class ResetPasswordInput:
    token: str = strawberry.field(description="Of the message that was sent")
    new_password: str


@strawberry.input
class ChangePasswordInput:
    new_password: str
    current_password: str | None = strawberry.field(
        default=None, description="None only of who has none yet"
    )
    code: str | None = strawberry.field(default=None, description=_CODE)


@strawberry.input
class RequestEmailChangeInput:
    email: str
    password: str | None = strawberry.field(
        default=None, description="None only of who has none yet"
    )
    code: str | None = strawberry.field(default=None, description=_CODE)


@strawberry.input
class ConfirmEmailChangeInput:
    token: str = strawberry.field(description="Of the message that was sent to the new address")


@strawberry.input
class EndLoginSessionInput:
    login_session_id: strawberry.ID


@strawberry.type
class LoginPayload:
    member: Member | None = None
    access_token: str | None = strawberry.field(
        default=None, description="To be sent as `Authorization: Bearer …`, until `expiresAt`"
    )
    refresh_token: str | None = strawberry.field(
        default=None, description="For `refreshLogin`, once: that gives the next one"
    )
    expires_at: datetime | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    async def of(cls, info: Info, tokens: types.Tokens) -> Self:
        """Wrap the tokens of a member."""
        found = await members.find_member(info.context, MemberId(tokens.principal.id))
        return cls(
            member=None if found is None else Member.of(found),
            access_token=tokens.access,
            refresh_token=tokens.refresh,
            expires_at=tokens.expires_at,
        )


@strawberry.type
class LogInPayload(LoginPayload):
    pass


@strawberry.type
class LogInWithCodePayload(LoginPayload):
    is_new: bool | None = strawberry.field(
        default=None, description="The member was not registered before"
    )


@strawberry.type
class LogInWithProviderPayload(LoginPayload):
    is_new: bool | None = strawberry.field(
        default=None, description="The member was not registered before"
    )


@strawberry.type
class RefreshLoginPayload(LoginPayload):
    pass


@strawberry.type
class ChangePasswordPayload(LoginPayload):
    pass


@strawberry.type
class RegisterMemberPayload:
    registration: str | None = strawberry.field(
        default=None, description="For `logInWithCode`, with the code that was sent"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DonePayload:
    done: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class LogOutPayload(DonePayload):
    pass


@strawberry.type
class RequestLoginCodePayload(DonePayload):
    pass


@strawberry.type
class RequestPasswordResetPayload(DonePayload):
    pass


@strawberry.type
class ResetPasswordPayload(DonePayload):
    pass


@strawberry.type
class RequestEmailChangePayload(DonePayload):
    pass


@strawberry.type
class ConfirmEmailChangePayload:
    member: Member | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EndLoginSessionPayload(DonePayload):
    pass


@strawberry.type
class EndAllLoginSessionsPayload:
    ended: int | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


def _viewer(info: Info) -> MemberId:
    key = info.context.viewer.member_id
    assert key is not None, "MEMBER has seen to it"
    return key


@strawberry.type
class LoginMutations:
    @mutation(PUBLIC)
    async def register_member(
        self, info: Info, input: RegisterMemberInput
    ) -> RegisterMemberPayload:
        """Ask for an account: a code is sent, and `logInWithCode` makes it.

        Whoever has an account with the address already is written to, and the answer is the same.
        """
        wanted = types.Registration(
            address=input.address,
            password=input.password,
            name=input.name,
            source=None if input.source is None else input.source.read(),
        )
        return RegisterMemberPayload(registration=await service.register(info.context, wanted))

    @mutation(PUBLIC)
    async def log_in(self, info: Info, input: LogInInput) -> LogInPayload:
        """Log in by an address and a password."""
        done = await service.log_in(
            info.context, input.address, input.password, cart_token=input.cart_token
        )
        return await LogInPayload.of(info, done.tokens)

    @mutation(PUBLIC)
    async def request_login_code(
        self, info: Info, input: RequestLoginCodeInput
    ) -> RequestLoginCodePayload:
        """Have a code sent to log in by; it takes the place of the last one."""
        await service.request_login_code(info.context, input.address)
        return RequestLoginCodePayload(done=True)

    @mutation(PUBLIC)
    async def log_in_with_code(self, info: Info, input: LogInWithCodeInput) -> LogInWithCodePayload:
        """Log in by a code that was sent; who is nobody yet is registered by that."""
        done = await service.log_in_with_code(
            info.context,
            input.address,
            input.code,
            registration=input.registration,
            cart_token=input.cart_token,
        )
        payload = await LogInWithCodePayload.of(info, done.tokens)
        payload.is_new = done.is_new
        return payload

    @mutation(PUBLIC)
    async def log_in_with_provider(
        self, info: Info, input: LogInWithProviderInput
    ) -> LogInWithProviderPayload:
        """Log in by what a login provider vouches for; see `loginProviders`."""
        data = {one.key: one.value for one in input.data}
        proof = types.LoginProof(provider=input.provider, data=data)
        done = await service.log_in_with_provider(info.context, proof, cart_token=input.cart_token)
        payload = await LogInWithProviderPayload.of(info, done.tokens)
        payload.is_new = done.is_new
        return payload

    @mutation(PUBLIC)
    async def refresh_login(self, info: Info, input: RefreshLoginInput) -> RefreshLoginPayload:
        """Get the next access token, and the next refresh token: this one is spent.

        One that comes again ends the login, unless its answer was lost within ten seconds.
        """
        tokens = await service.refresh_login(info.context, input.refresh_token)
        return await RefreshLoginPayload.of(info, tokens)

    @mutation(PUBLIC)
    async def log_out(self, info: Info, input: LogOutInput) -> LogOutPayload:
        """End this login; again, it changes nothing."""
        await service.log_out(info.context, input.refresh_token)
        return LogOutPayload(done=True)

    @mutation(PUBLIC)
    async def request_password_reset(
        self, info: Info, input: RequestPasswordResetInput
    ) -> RequestPasswordResetPayload:
        """Have a token sent to set a new password by; the answer is the same for any address."""
        await service.request_password_reset(info.context, input.address)
        return RequestPasswordResetPayload(done=True)

    @mutation(PUBLIC)
    async def reset_password(self, info: Info, input: ResetPasswordInput) -> ResetPasswordPayload:
        """Set a new password by a token that was sent; every login ends."""
        await service.reset_password(info.context, input.token, input.new_password)
        return ResetPasswordPayload(done=True)


@strawberry.type
class OwnLoginMutations:
    @mutation(MEMBER)
    async def change_password(
        self, info: Info, input: ChangePasswordInput
    ) -> ChangePasswordPayload:
        """Set another password; every login ends, and this device gets a new one."""
        done = await service.change_password(
            info.context,
            _viewer(info),
            current=input.current_password,
            new=input.new_password,
            code=input.code,
        )
        return await ChangePasswordPayload.of(info, done.tokens)

    @mutation(MEMBER)
    async def request_email_change(
        self, info: Info, input: RequestEmailChangeInput
    ) -> RequestEmailChangePayload:
        """Have a token sent to the e-mail address that is to be the member's."""
        await service.request_email_change(
            info.context, _viewer(info), input.email, password=input.password, code=input.code
        )
        return RequestEmailChangePayload(done=True)

    @mutation(MEMBER)
    async def confirm_email_change(
        self, info: Info, input: ConfirmEmailChangeInput
    ) -> ConfirmEmailChangePayload:
        """Have the address that the token was sent to, in the place of the one before."""
        await service.confirm_email_change(info.context, _viewer(info), input.token)
        found = await members.find_member(info.context, _viewer(info))
        return ConfirmEmailChangePayload(member=None if found is None else Member.of(found))

    @mutation(MEMBER)
    async def end_login_session(
        self, info: Info, input: EndLoginSessionInput
    ) -> EndLoginSessionPayload:
        """End a login on another device, or on this one."""
        key = decode(LoginSessionId, input.login_session_id)
        await service.end_session(info.context, types.Principal.member(_viewer(info)), key)
        return EndLoginSessionPayload(done=True)

    @mutation(MEMBER)
    async def end_all_login_sessions(self, info: Info) -> EndAllLoginSessionsPayload:
        """End every login of the member, this one too."""
        ended = await service.end_sessions(
            info.context, types.Principal.member(_viewer(info)), types.SessionEnd.ENDED
        )
        return EndAllLoginSessionsPayload(ended=ended)
