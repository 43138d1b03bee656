"""The hooks that this plugin implements: its entry point."""

from koipond_points import service
from koipond_points.graphql import MANAGE, PointsMutations, PointsOfMember, PointsQueries
from koipond_points.types import ExpirePoints, PointsSettings
from koipond_sdk import (
    Context,
    Permission,
    PluginJob,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import OrderConfirmed, Refunded
from koipond_sdk.schema import Api, Member, Mutation, Query
from koipond_sdk.services.rewards import Reward

_EXPIRE_EVERY_S = 900


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Add a member's points to the storefront's schema, corrections to the staff's."""
    api.storefront(Query, PointsQueries)
    api.storefront(Member, PointsOfMember)
    api.admin(Mutation, PointsMutations)


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Name what staff may do."""
    return [Permission(name=MANAGE, description="Give points to members, and take them")]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return PointsSettings


@implement(specs.register_jobs)
def register_jobs() -> list[PluginJob]:
    """Points expire soon after their last day is over, wherever that is."""
    return [PluginJob(job=ExpirePoints, run=service.expire_points, every_s=_EXPIRE_EVERY_S)]


@implement(specs.reward_grant, key="points")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    """Give points as a reward."""
    await service.give_reward(ctx, reward)


@implement(specs.order_confirmed)
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    """Give the points of an order that is paid."""
    await service.reward_order(ctx, event.order_id)


@implement(specs.order_refunded)
async def order_refunded(ctx: Context, event: Refunded) -> None:
    """Take back what the order gave, and give back what was spent on it."""
    await service.undo_order(ctx, event.order_id, event.refund_id)
