"""A plugin with typed hooks, as its author's `mypy --strict` sees it; never run."""

from sqlalchemy import Column, Integer, Table, select

from koipond_sdk import (
    Context,
    DomainError,
    MemberId,
    Permission,
    PluginSettings,
    implement,
    settings_of,
    specs,
    transaction,
    views,
)
from koipond_sdk.db import AsyncConnection, insert, ref, tables
from koipond_sdk.hooks import (
    CartOffer,
    CartRequest,
    Checkout,
    CheckoutTerms,
    OrderConfirmed,
    TracedInputs,
)
from koipond_sdk.schema import Api
from koipond_sdk.services.orders import Order, OrderState
from koipond_sdk.services.rewards import Reward

metadata = tables("wish")
wish = Table("wish_item", metadata, Column("member_id", ref("member")), Column("count", Integer))


class WishSettings(PluginSettings, frozen=True):
    wishes_max: int = 100


class Wishes(TracedInputs, frozen=True):
    count: int


async def add(db: AsyncConnection, member_id: MemberId) -> None:
    await db.execute(insert(db, wish).values(member_id=member_id))
    await db.execute(select(views.order.c.id))


@transaction
async def make_wish(ctx: Context, member_id: MemberId) -> int:
    """Make a wish."""
    await add(ctx.db, member_id)
    return (await settings_of(ctx, WishSettings)).wishes_max


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None: ...


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    return []


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    return WishSettings


@implement(specs.cart_inputs)
async def cart_inputs(ctx: Context, request: CartRequest) -> Wishes | None:
    return None


@implement(specs.cart_adjustments)
def cart_adjustments(request: CartRequest, inputs: Wishes | None) -> CartOffer | None:
    return None


@implement(specs.checkout_validate)
async def checkout_validate(ctx: Context, checkout: Checkout) -> list[DomainError]:
    return []


@implement(specs.checkout_attributes, after=("groupbuy",))
async def checkout_attributes(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    return None


@implement(specs.order_move_validate)
async def order_move_validate(ctx: Context, order: Order, to: OrderState) -> list[DomainError]:
    return []


@implement(specs.order_confirmed)
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    await make_wish(ctx, MemberId(event.order_id))


@implement(specs.reward_grant, key="wishes")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    await make_wish(ctx, reward.member_id)


@implement()
async def order_creating(checkout: Checkout) -> None:
    """Take what it needs of the arguments: that is looked at when the shop starts."""
