"""The payment providers of a shop, and how they are asked: in no transaction, with a deadline."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from koipond.kernel.context import Context
from koipond.kernel.retries import cut_after
from koipond.payment.errors import PaymentProviderUnknown, PaymentUnresolved
from koipond.payment.types import PaymentProvider

T = TypeVar("T")


def provider_keys(ctx: Context) -> list[str]:
    """Return the keys of the payment providers of this shop, by name."""
    return sorted(ctx.shop.providers[PaymentProvider])


def check_provider(ctx: Context, provider: str) -> None:
    """Raise PaymentProviderUnknown if this shop does not offer `provider`."""
    keys = provider_keys(ctx)
    if provider not in keys:
        raise PaymentProviderUnknown(provider=provider, known=", ".join(keys))


def find_provider(ctx: Context, key: str) -> PaymentProvider:
    """Return a provider of this shop. Raises PaymentProviderUnknown."""
    check_provider(ctx, key)
    provider: PaymentProvider = ctx.shop.providers[PaymentProvider][key]
    return provider


async def ask(ctx: Context, key: str, question: Callable[[PaymentProvider], Awaitable[T]]) -> T:
    """Ask a provider, within `payment_timeout_s`: then no request outlives its lease.

    Raises PaymentUnresolved if it gives no answer; what was asked has happened or not.
    """
    assert not ctx.in_transaction, "no transaction waits for somebody else's server"
    provider = find_provider(ctx, key)
    try:
        async with cut_after(ctx.settings.payment_timeout_s):
            return await question(provider)
    # Whatever went wrong on the way says nothing about what the provider has done.
    except Exception as error:
        raise unresolved(ctx, key) from error


def unresolved(ctx: Context, provider: str) -> PaymentUnresolved:
    """Return the refusal of an act that must wait for a provider's answer."""
    return PaymentUnresolved(provider=provider, retry_after_s=ctx.settings.idempotency_lease_s)
