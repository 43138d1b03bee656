"""`koi token`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.kernel.ids import MemberId
    from koipond.kernel.viewer import Viewer
    from koipond.settings import Settings

_hours = click.option(
    "--hours",
    type=click.IntRange(1, 24 * 365),
    default=12,
    show_default=True,
    help="How long it is valid.",
)


@click.group
def token() -> None:
    """Issue a bearer token, to be sent as `Authorization: Bearer …`."""


@token.command
@click.argument("who")
@_hours
@with_settings
def member(settings: Settings, who: str, hours: int) -> None:
    """Issue a token for a member. WHO is an id such as mem_01k…, an e-mail or a phone number."""
    from koipond.kernel.viewer import Viewer, ViewerKind

    key = asyncio.run(find_member_of(settings, who))
    click.echo(_sign(settings, Viewer(kind=ViewerKind.MEMBER, id=key), hours))


@token.command
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    default=("*",),
    show_default="* (all)",
    help="May be given several times: catalog.read, catalog.write, channel.read, channel.write, "
    "event.read, event.write, fulfilment.write, member.read, member.write, message.read, "
    "message.write, order.read, order.write, payment.write, plugin.read, plugin.write, "
    "return.write, shipping.read, shipping.write, stock.write, tax.read, tax.write, webhook.read, "
    "webhook.write, or what an installed plugin asks for.",
)
@_hours
@with_settings
def staff(settings: Settings, permissions: tuple[str, ...], hours: int) -> None:
    """Issue a token for a member of the staff."""
    _check_known(permissions)
    from koipond.kernel.ids import new_id
    from koipond.kernel.viewer import Viewer, ViewerKind

    viewer = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset(permissions))
    click.echo(_sign(settings, viewer, hours))


def _check_known(permissions: tuple[str, ...]) -> None:
    """Raise Problem for a permission that no field asks for and no plugin names."""
    if permissions == ("*",):
        return
    from koipond.app import make_schemas
    from koipond.graphql.assembly import find_permissions
    from koipond.kernel.plugins import discover

    plugins = discover()
    known = find_permissions(make_schemas(tuple(plugins)))
    known |= {name for plugin in plugins for name in plugin.manifest.permissions}
    for one in permissions:
        if one != "*" and one not in known:
            raise Problem(
                f"There is no permission {one!r}. This shop has: {', '.join(sorted(known))}; "
                "* is all of them."
            )


def _sign(settings: Settings, viewer: Viewer, hours: int) -> str:
    from koipond.kernel.clock import SystemClock
    from koipond.kernel.viewer import sign

    now = SystemClock().now()
    return sign(viewer, secret=settings.secret, now=now, lifetime=timedelta(hours=hours))


async def find_member_of(settings: Settings, who: str) -> MemberId:
    """Return the member of an id or an address. Raises MemberUnknown, IdInvalid, NotReady."""
    from koipond.cli.opening import opened
    from koipond.kernel.ids import PREFIXES, MemberId, decode, prefix_of
    from koipond.member.errors import MemberUnknown
    from koipond.member.service import find_by_address, find_member

    async with opened(settings) as ctx:
        if prefix_of(who) != PREFIXES[MemberId]:
            return await find_by_address(ctx, who)
        found = await find_member(ctx, decode(MemberId, who))
    if found is None:
        raise MemberUnknown(member=who)
    return found.id
