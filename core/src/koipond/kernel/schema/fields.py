"""Root fields: who may use them, and refusals as data."""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar, get_args

import strawberry
from msgspec import Struct

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError, PluginDisabled
from koipond.kernel.schema.acting import acting, note_refusal
from koipond.kernel.schema.errors import wrap_error
from koipond.kernel.viewer import MEMBERS_ONLY, PermissionLimited, PermissionMissing, ViewerKind

Info = strawberry.Info[Context, None]
R = TypeVar("R")


class Access(Struct, frozen=True):
    """Who may use a field: everyone who comes to it, or who holds a permission.

    by_channel: what it calls holds who has the permission in some channels to those; else it is for
    those who have it in all.
    """

    permission: str | None = None
    by_channel: bool = False


PUBLIC = Access()
MEMBER = Access(MEMBERS_ONLY)


def needs(permission: str, *, by_channel: bool = False) -> Access:
    """Declare that a field is for viewers with `permission`, such as stock.write.

    by_channel: see Access.
    """
    return Access(permission, by_channel)


def check_access(access: Access, ctx: Context) -> None:
    """Raise PermissionMissing or PermissionLimited if the viewer has no right to such a field."""
    if access.permission is None:
        return
    if access is MEMBER:
        allowed = ctx.viewer.kind is ViewerKind.MEMBER
    else:
        allowed = ctx.viewer.may(access.permission)
    if not allowed:
        raise PermissionMissing(permission=access.permission)
    if ctx.viewer.limited and not access.by_channel and access is not MEMBER:
        channels = ctx.viewer.channels_for(access.permission)
        if channels is not None:
            told = ", ".join(sorted(channels))
            raise PermissionLimited(permission=access.permission, channels=told)


def check_open(ctx: Context, resolver: Callable[..., Any]) -> None:
    """Raise PluginDisabled if the plugin that a resolver is of is off in the caller's channel."""
    ctx.shop.installation.check_open(ctx.channel, resolver.__module__.partition(".")[0])


def is_open(ctx: Context, resolver: Callable[..., Any]) -> bool:
    """Tell whether the plugin that a resolver is of is on in the caller's channel."""
    try:
        check_open(ctx, resolver)
    except PluginDisabled:
        return False
    return True


def query(access: Access) -> Callable[[Callable[..., Awaitable[R]]], Any]:
    """Declare a field of Query by an async method `(self, info, …)`; refusals are its errors."""

    def declare(resolver: Callable[..., Awaitable[R]]) -> Any:
        nullable = _is_nullable(resolver)

        @functools.wraps(resolver)
        async def run(self: Any, info: Info, **arguments: Any) -> Any:
            check_access(access, info.context)
            if nullable and not is_open(info.context, resolver):
                return None
            check_open(info.context, resolver)
            return await resolver(self, info, **arguments)

        return _field(run, access, root="query")

    return declare


def mutation(access: Access) -> Callable[[Callable[..., Awaitable[R]]], Any]:
    """Declare a field of Mutation by an async method `(self, info, input) -> XxxPayload`.

    The payload class has `user_errors` and otherwise fields that may be missing: a DomainError
    becomes a payload that holds nothing else. What staff do by it has a record in the audit.
    """

    def declare(resolver: Callable[..., Awaitable[R]]) -> Any:
        payload = inspect.signature(resolver).return_annotation

        @functools.wraps(resolver)
        async def run(self: Any, info: Info, **arguments: Any) -> Any:
            ctx = info.context
            given = arguments.get("input")
            try:
                check_access(access, ctx)
            except (PermissionMissing, PermissionLimited):
                await note_refusal(ctx, info.field_name, given)
                raise
            try:
                async with acting(ctx, info.field_name, given):
                    check_open(ctx, resolver)
                    return await resolver(self, info, **arguments)
            except DomainError as error:
                return payload(user_errors=[wrap_error(error)])

        return _field(run, access, root="mutation")

    return declare


def _is_nullable(resolver: Callable[..., Any]) -> bool:
    returned = inspect.signature(resolver).return_annotation
    if isinstance(returned, str):
        return returned.replace(" ", "").endswith("|None")
    return type(None) in get_args(returned)


def subscription(access: Access) -> Callable[[Callable[..., AsyncGenerator[R, None]]], Any]:
    """Declare a field of Subscription by an async generator `(self, info, …)`.

    It is closed when the caller goes; a refusal that it raises ends it as an error.
    """

    def declare(resolver: Callable[..., AsyncGenerator[R, None]]) -> Any:
        @functools.wraps(resolver)
        async def run(self: Any, info: Info, **arguments: Any) -> AsyncGenerator[R, None]:
            check_access(access, info.context)
            check_open(info.context, resolver)
            async with aclosing(resolver(self, info, **arguments)) as told:
                async for one in told:
                    yield one

        return strawberry.subscription(
            resolver=run,
            description=inspect.getdoc(run),
            metadata={"access": access, "root": "subscription"},
        )

    return declare


def _field(run: Callable[..., Any], access: Access, *, root: str) -> Any:
    return strawberry.field(
        resolver=run, description=inspect.getdoc(run), metadata={"access": access, "root": root}
    )
