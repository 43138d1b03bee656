"""The hooks that this plugin implements: its entry point."""

from koipond_sdk import (
    Context,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import LoginProof, ProvenPerson
from koipond_wechat import service
from koipond_wechat.types import WeChatSettings


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return WeChatSettings


@implement(specs.login_prove, key="wechat")
async def login_prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
    """Say who somebody is by the codes of their mini program."""
    return await service.prove(ctx, proof)
