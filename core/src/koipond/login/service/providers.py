"""Use-cases of login providers: what others vouch for, each by its key."""

from collections.abc import Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.limiting import limit
from koipond.login import rules
from koipond.login.errors import LoginProviderUnknown, ProofRefused
from koipond.login.service.entering import enter
from koipond.login.types import LoggedIn, LoginProof
from koipond.member import service as members
from koipond.member.types import IdentityKind

Proven = Sequence[tuple[IdentityKind, str]]


def login_providers(ctx: Context) -> list[str]:
    """Return the keys of the login providers of this shop, by name."""
    return ctx.hooks.login_providers(ctx.plugins_off)


async def log_in_with_provider(
    ctx: Context, proof: LoginProof, *, cart_token: str | None = None
) -> LoggedIn:
    """Log in whom a login provider vouches for; who is nobody yet is registered by that.

    Raises LoginProviderUnknown, ProofRefused, PluginFailed, RateLimited.
    """
    await limit(ctx, "login")
    keys = login_providers(ctx)
    if proof.provider not in keys:
        raise LoginProviderUnknown(provider=proof.provider, known=", ".join(keys) or "none")
    # Before any transaction: the provider is asked over a network.
    person = await ctx.hooks.login_prove(ctx, proof)
    proven = rules.proven_by(person)
    if not proven:
        raise ProofRefused(provider=proof.provider, reason="it names nobody")
    return await _take_in(ctx, proven, name=person.name, cart_token=cart_token)


@transaction
async def _take_in(ctx: Context, proven: Proven, *, name: str, cart_token: str | None) -> LoggedIn:
    found = await members.take_in(ctx, proven, name=name)
    return await enter(ctx, found.member_id, cart_token=cart_token, is_new=found.is_new)
