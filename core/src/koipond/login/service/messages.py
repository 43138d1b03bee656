"""What is written to who logs in: when it is still worth it, and the secrets that it tells."""

from collections.abc import Mapping

from msgspec import structs

from koipond.kernel.context import Context
from koipond.login import rules
from koipond.login.service.codes import code_is_open
from koipond.login.service.passwords import tell_token, token_holds
from koipond.notify.types import Message, MessageKind


async def _code_is_due(ctx: Context, message: Message) -> bool:
    assert message.about is not None, "it tells a code"
    return await code_is_open(ctx, message.about)


async def _tell_code(ctx: Context, message: Message) -> Mapping[str, str]:
    assert message.about is not None, "it tells a code"
    return {"code": rules.make_code(ctx.settings.secret, message.about)}


async def _token_is_due(ctx: Context, message: Message) -> bool:
    assert message.about is not None, "it tells a token"
    return await token_holds(ctx, message.about)


async def _tell_token(ctx: Context, message: Message) -> Mapping[str, str]:
    assert message.about is not None, "it tells a token"
    return {"token": await tell_token(ctx, message.about)}


MESSAGE_KINDS: tuple[MessageKind, ...] = (
    *(
        structs.replace(one, still_due=_code_is_due, tell_secrets=_tell_code)
        for one in (rules.CODE, rules.REGISTERED)
    ),
    *(
        structs.replace(one, still_due=_token_is_due, tell_secrets=_tell_token)
        for one in (rules.RESET, rules.EMAIL_CHANGE)
    ),
    rules.NO_ACCOUNT,
    rules.ADDRESS_WANTED,
    rules.CHANGED,
)
