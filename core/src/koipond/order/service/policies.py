"""How a channel has its orders paid, and sent back."""

from datetime import timedelta

from koipond.channel import service as channel
from koipond.kernel.context import Context
from koipond.kernel.ids import ChannelId
from koipond.order.types import PaymentPolicy
from koipond.settings import ChannelSettings

# Of channels that were made otherwise than by the settings.
_UNTOLD = ChannelSettings(code="", name="", currencies=(), locales=())


def policy_of(ctx: Context, code: str) -> PaymentPolicy:
    """Return how the channel of this code has its orders paid."""
    told = (one for one in ctx.settings.channels if one.code == code)
    return _policy(next(told, _UNTOLD))


async def find_policy(ctx: Context, channel_id: ChannelId) -> PaymentPolicy:
    """Return how a channel has its orders paid."""
    usual = _policy(_UNTOLD)
    # Most shops have one way for all channels, and need not look which one it is.
    if all(_policy(one) == usual for one in ctx.settings.channels):
        return usual
    return (await find_policies(ctx))[channel_id]


async def find_policies(ctx: Context) -> dict[ChannelId, PaymentPolicy]:
    """Return {channel: how it has its orders paid} of all channels."""
    return {one.id: policy_of(ctx, one.code) for one in await channel.find_channels(ctx)}


async def find_return_window(ctx: Context, channel_id: ChannelId) -> timedelta:
    """Return how long after its delivery a unit of a channel's orders can be sent back."""
    codes = {one.id: one.code for one in await channel.find_channels(ctx)}
    told = (one for one in ctx.settings.channels if one.code == codes.get(channel_id))
    return timedelta(days=next(told, _UNTOLD).return_window_days)


def _policy(told: ChannelSettings) -> PaymentPolicy:
    return PaymentPolicy(
        window=timedelta(minutes=told.payment_window_minutes),
        capture_at_once=told.capture_at_once,
    )
