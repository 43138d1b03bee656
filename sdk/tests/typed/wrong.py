"""What mypy refuses in a plugin: the text behind E is what it says of that line; never run."""

from koipond_sdk import Context, MemberId, OrderId, VariantId, implement, specs, transaction
from koipond_sdk.db import ref
from koipond_sdk.hooks import Checkout, OrderCancelled, OrderConfirmed, OrderExpired


@implement(specs.order_confirmed)  # E: expected "Callable[[Context, OrderConfirmed], Coroutine
async def order_confirmed(ctx: Context, event: OrderCancelled) -> None: ...


@implement(specs.order_cancelled)  # E: expected "Callable[[Context, OrderCancelled], Coroutine
def order_cancelled(ctx: Context, event: OrderCancelled) -> None: ...


@implement(specs.order_creating)  # E: expected "Callable[[Context, Order, Checkout], Coroutine
async def order_creating(ctx: Context, checkout: Checkout) -> None: ...


@implement(specs.checkout_validate)  # E: Coroutine[Any, Any, list[DomainError]]
async def checkout_validate(ctx: Context, checkout: Checkout) -> list[str]:
    return []


@implement(specs.order_expired)  # E: expected "def (ctx: Context, event: OrderExpired)
async def order_expired(ctx: Context, told: OrderExpired) -> None: ...


@implement(specs.order_confirm)  # E: maybe "order_confirmed"?
async def order_confirm(ctx: Context, event: OrderConfirmed) -> None: ...


@transaction
async def wish(ctx: Context, member_id: MemberId, variant_id: VariantId) -> None:
    ctx.commit()  # E: "Context" has no attribute "commit"
    ref("orders")  # E: expected "Literal['channel',


async def wrong_ids(ctx: Context, member_id: MemberId, order_id: OrderId) -> None:
    await wish(ctx, order_id, member_id)  # E: Argument 2 to "wish" has incompatible type "OrderId"
