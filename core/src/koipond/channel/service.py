"""Use-cases of channels and zones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from koipond.channel import repository, rules
from koipond.channel.errors import ChannelInvalid, ChannelNotHeld, ChannelUnknown, ZoneUnknown
from koipond.channel.types import RATES, WRITES_CHANNELS, Channel, ChannelDraft, Zone, ZoneDraft
from koipond.kernel.context import Context, Scope, serving, transaction
from koipond.kernel.editions import count_up
from koipond.kernel.errors import check_version
from koipond.kernel.fresh import Fresh
from koipond.kernel.ids import ChannelId, new_id
from koipond.settings import ChannelSettings, ZoneSettings


async def find_channels(ctx: Context) -> list[Channel]:
    """Return every channel, the default first."""
    async with ctx.reading() as db:
        return await repository.find_all(db)


@serving
async def hold_still(ctx: Context, key: ChannelId) -> None:
    """Let nobody else hold a channel still until the transaction ends; orders go on."""
    await repository.lock(ctx.db, key)


async def recall_channels(ctx: Context) -> Sequence[Channel]:
    """Return every channel as it was at most 5 s ago, the default first."""
    return await CHANNELS.find(ctx)


async def find_reach(ctx: Context, permission: str) -> frozenset[ChannelId] | None:
    """Return the channels in which who asks has a permission; None: in all, or they are no staff.

    What belongs to another channel is as if there were none.
    """
    if not ctx.viewer.limited:
        return None
    codes = ctx.viewer.channels_for(permission)
    if codes is None:
        return None
    return frozenset(one.id for one in await recall_channels(ctx) if one.code in codes)


def check_reach(ctx: Context, permission: str, channel: str) -> None:
    """Raise ChannelNotHeld if who asks has a permission, and not in this channel."""
    if ctx.viewer.limited and not ctx.viewer.may_in(permission, channel):
        held = ", ".join(sorted(ctx.viewer.channels_for(permission) or ()))
        raise ChannelNotHeld(permission=permission, channel=channel, channels=held)


async def choose_scope(
    ctx: Context, *, code: str | None = None, currency: str | None = None, locale: str | None = None
) -> Scope:
    """Return the channel, currency and languages that a caller asked for, with their defaults.

    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    channels = await find_channels(ctx)
    return rules.choose(channels, code=code, currency=currency, locale=locale)


async def add_channel(
    ctx: Context,
    *,
    code: str,
    name: str,
    currencies: Sequence[str],
    locales: Sequence[str],
    time_zone: str = "UTC",
) -> Channel:
    """Make a channel; its first currency and language are its defaults. Raises ChannelInvalid."""
    draft = ChannelDraft(
        code=code,
        name=name,
        currencies=tuple(currencies),
        locales=tuple(locales),
        time_zone=time_zone,
    )
    return await _add(ctx, draft)


@transaction
async def change_channel(
    ctx: Context,
    code: str,
    change: Callable[[ChannelDraft], ChannelDraft],
    *,
    expected_version: int | None = None,
) -> Channel:
    """Change a channel as it is told; orders that were placed keep what they cost.

    Its code and currencies stay: prices and orders are of them. Raises ChannelUnknown,
    ChannelInvalid, ChannelNotHeld, VersionConflict.
    """
    check_reach(ctx, WRITES_CHANNELS, code)
    await repository.lock_by_code(ctx.db, code)
    channels = await repository.find_all(ctx.db)
    known = next((one for one in channels if one.code == code), None)
    if known is None:
        raise ChannelUnknown(channel=code, known=", ".join(one.code for one in channels))
    check_version(f"channel {code}", expected=expected_version, current=known.version)
    told = rules.make_channel(known.id, change(rules.draft_of(known)))
    changed = msgspec.structs.replace(told, version=known.version + 1)
    await repository.save(ctx.db, changed)
    ctx.audited(f"channel {code}", before=known, after=changed)
    CHANNELS.forget(ctx.shop)
    return changed


def check_channels(wanted: Sequence[ChannelSettings]) -> None:
    """Raise ChannelInvalid for one that could not be made."""
    for one in wanted:
        rules.make_channel(ChannelId(new_id()), _draft(one))


@transaction
async def ensure_channels(ctx: Context) -> list[Channel]:
    """Make those channels of the settings that are missing; returns the new ones."""
    known = {one.code for one in await repository.find_all(ctx.db)}
    return [
        await _add(ctx, _draft(wanted))
        for wanted in ctx.settings.channels
        if wanted.code not in known
    ]


async def find_zones(ctx: Context) -> Mapping[str, Zone]:
    """Return {code: zone}, by their codes."""
    async with ctx.reading() as db:
        return await repository.find_zones(db)


async def check_zone(ctx: Context, code: str) -> None:
    """Raise ZoneUnknown if there is no zone of this code."""
    zones = await find_zones(ctx)
    if code not in zones:
        raise ZoneUnknown(zone=code, known=", ".join(zones) or "none")


@transaction
async def set_zone(ctx: Context, draft: ZoneDraft, *, expected_version: int | None = None) -> Zone:
    """Make a zone, or give a known one other places.

    expected_version: as it was read, 0 for a new one; None: whichever it is. Raises ZoneInvalid,
    VersionConflict.
    """
    made = rules.make_zone(draft)
    # First: whoever else changes rates waits here, so what is read is what is changed.
    await count_up(ctx, RATES)
    known = (await repository.find_zones(ctx.db)).get(made.code)
    current = 0 if known is None else known.version
    check_version(f"zone {made.code}", expected=expected_version, current=current)
    told = msgspec.structs.replace(made, version=current + 1)
    await repository.save_zone(ctx.db, told)
    ctx.audited(f"zone {told.code}", before=known, after=told)
    return told


def check_zones(wanted: Sequence[ZoneSettings]) -> None:
    """Raise ZoneInvalid for one that could not be made."""
    for one in wanted:
        rules.make_zone(_zone_draft(one))


@transaction
async def ensure_zones(ctx: Context) -> list[Zone]:
    """Make those zones of the settings that are missing; returns the new ones."""
    known = await repository.find_zones(ctx.db)
    missing = [one for one in ctx.settings.zones if one.code not in known]
    return [await set_zone(ctx, _zone_draft(one)) for one in missing]


@transaction
async def _add(ctx: Context, draft: ChannelDraft) -> Channel:
    new = rules.make_channel(ChannelId(new_id()), draft)
    if any(known.code == new.code for known in await repository.find_all(ctx.db)):
        raise ChannelInvalid(
            channel=draft.code, reason="there is one of this code; `koi channel list` shows it"
        )
    await repository.add(ctx.db, new)
    ctx.audited(f"channel {new.code}", after=new)
    CHANNELS.forget(ctx.shop)
    return new


def _draft(wanted: ChannelSettings) -> ChannelDraft:
    told: dict[str, Any] = {
        name: getattr(wanted, name) for name in ChannelDraft.__struct_fields__ if name != "rounding"
    }
    rounding = {code: (one.mode, one.per_unit) for code, one in wanted.rounding.items()}
    return ChannelDraft(**told, rounding=rounding)


def _zone_draft(wanted: ZoneSettings) -> ZoneDraft:
    return ZoneDraft(**msgspec.structs.asdict(wanted))


async def _read_channels(ctx: Context, _last: Sequence[Channel]) -> Sequence[Channel]:
    return await find_channels(ctx)


# Every request needs them, to know where it shops.
CHANNELS: Fresh[Sequence[Channel]] = Fresh(_read_channels, first=(), age_max=timedelta(seconds=5))
