"""The hooks that this plugin implements: its entry point."""

from koipond_oidc import service
from koipond_oidc.types import OidcSettings
from koipond_sdk import (
    Context,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import LoginProof, ProvenPerson


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return OidcSettings


@implement(specs.login_prove, key="oidc")
async def login_prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
    """Say who somebody is by the ID token of an issuer."""
    return await service.prove(ctx, proof)
