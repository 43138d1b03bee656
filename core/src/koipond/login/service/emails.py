"""Use-cases of changing one's e-mail address: the new one is proved before it takes the place."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId
from koipond.kernel.limiting import limit
from koipond.login import repository, rules
from koipond.login.errors import TokenRefused
from koipond.login.service.entering import write_to
from koipond.login.service.passwords import (
    add_token,
    check_member,
    get_token,
    tell_of_change,
)
from koipond.login.types import Principal, TokenPurpose
from koipond.member import service as members
from koipond.member.rules import normalise_contact
from koipond.member.types import EMAIL, Identity


async def request_email_change(
    ctx: Context,
    key: MemberId,
    email: str,
    *,
    password: str | None = None,
    code: str | None = None,
) -> None:
    """Send a token to an address that a member wants to have.

    If it is somebody else's, that one is told, and who asks hears the same. password: of who has
    one. code: of who has none, and logged in long ago.
    Raises ContactInvalid, PasswordWrong, LoginTooOld, LoginRefused, RateLimited.
    """
    contact = normalise_contact(name="", email=email, phone=None)
    assert contact.email is not None, "it was told"
    await limit(ctx, "code", account=str(key))
    await check_member(ctx, key, password=password, code=code)
    await _send(ctx, key, Identity(kind=EMAIL, value=contact.email))


@transaction
async def _send(ctx: Context, key: MemberId, to: Identity) -> None:
    owner = await members.find_proven(ctx, [(to.kind, to.value)])
    token = await add_token(ctx, TokenPurpose.EMAIL_CHANGE, Principal.member(key), to)
    # Else what is proved there would be refused: no merge follows it.
    is_free = owner in {None, key} or to.kind in ctx.settings.merge_on
    kind, until = (
        (rules.EMAIL_CHANGE, token.expires_at) if is_free else (rules.ADDRESS_WANTED, None)
    )
    await write_to(ctx, kind, to, owner or key, about=token.id, until=until)


@transaction
async def confirm_email_change(ctx: Context, key: MemberId, told: str) -> None:
    """Give a member the address that a token was sent to, in the place of the one they had.

    The old address is told. If another has proved the new one, both are one member if the policy
    says so. Raises TokenRefused, also for another member's; IdentityDisputed.
    """
    token = await get_token(ctx, told, TokenPurpose.EMAIL_CHANGE)
    whose = Principal.member(key)
    if token.principal != whose:
        raise TokenRefused
    await tell_of_change(ctx, key)
    await members.replace_identity(ctx, key, token.to.kind, token.to.value)
    await repository.use_tokens(ctx.db, whose, TokenPurpose.EMAIL_CHANGE, now=ctx.clock.now())
    # What was sent to the old address lets nobody in any more.
    await repository.use_tokens(ctx.db, whose, TokenPurpose.PASSWORD_RESET, now=ctx.clock.now())
