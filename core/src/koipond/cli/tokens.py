"""`koi token`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.kernel.ids import MemberId, StaffId
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

    key = asyncio.run(_find_member(settings, who))
    click.echo(_sign(settings, Viewer(kind=ViewerKind.MEMBER, id=key), hours))


@token.command
@click.argument("who")
@_hours
@with_settings
def staff(settings: Settings, who: str, hours: int) -> None:
    """Issue a token for one of the staff. WHO is an e-mail address, or an id such as staff_01k….

    What it may do is what their roles say whenever it is used. `koi createadmin` makes the first.
    """
    from koipond.kernel.viewer import Viewer, ViewerKind

    key = asyncio.run(_find_staff(settings, who))
    click.echo(_sign(settings, Viewer(kind=ViewerKind.STAFF, id=key), hours))


@token.command
@click.argument("name")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    required=True,
    help="May be given several times. `*` is all of them; a wrong one lists those that there are.",
)
@click.option(
    "--channel", "channels", multiple=True, help="May be given several times. Default: all."
)
@click.option(
    "--days", type=click.IntRange(1, 3_650), help="How long it is valid. Default: until revoked."
)
@with_settings
def service(
    settings: Settings,
    *,
    name: str,
    permissions: tuple[str, ...],
    channels: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a token for a program that NAME says, which staff can revoke. It is shown once."""
    lifetime = None if days is None else timedelta(days=days)
    click.echo(asyncio.run(_make_service(settings, name, permissions, channels, lifetime)))


async def _find_staff(settings: Settings, who: str) -> StaffId:
    """Return one of the staff. Raises StaffUnknown, IdInvalid, NotReady."""
    from koipond.cli.opening import opened
    from koipond.kernel.ids import PREFIXES, StaffId, decode, prefix_of
    from koipond.staff.errors import StaffUnknown
    from koipond.staff.service import find_by_email, find_staff

    async with opened(settings) as ctx:
        if prefix_of(who) == PREFIXES[StaffId]:
            found = await find_staff(ctx, decode(StaffId, who))
        else:
            found = await find_by_email(ctx, who)
    if found is None:
        raise StaffUnknown(staff=who)
    return found.id


async def _make_service(
    settings: Settings,
    name: str,
    permissions: tuple[str, ...],
    channels: tuple[str, ...],
    lifetime: timedelta | None,
) -> str:
    from koipond.cli.opening import opened
    from koipond.staff.service import create_token
    from koipond.staff.types import ServiceTokenDraft

    async with opened(settings) as ctx:
        draft = ServiceTokenDraft(
            name=name,
            permissions=permissions,
            channels=channels or None,
            expires_at=None if lifetime is None else ctx.clock.now() + lifetime,
        )
        _, text = await create_token(ctx, draft)
    return text


def _sign(settings: Settings, viewer: Viewer, hours: int) -> str:
    from koipond.kernel.clock import SystemClock
    from koipond.kernel.viewer import sign

    now = SystemClock().now()
    return sign(viewer, secret=settings.secret, now=now, lifetime=timedelta(hours=hours))


async def _find_member(settings: Settings, who: str) -> MemberId:
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
