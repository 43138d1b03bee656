"""SQL of channels and zones."""

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import select

from koipond.channel.tables import channel, zone, zone_place
from koipond.channel.types import Channel, Place, Zone
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.editing import upserted
from koipond.kernel.ids import ChannelId
from koipond.kernel.money import Currency, RoundingPolicy


async def find_all(db: AsyncConnection) -> list[Channel]:
    """Return every channel, the oldest (the default) first."""
    rows = await db.execute(select(channel).order_by(channel.c.id))
    return [
        Channel(
            id=row.id,
            code=row.code,
            name=row.name,
            currencies=tuple(row.currencies),
            locales=tuple(row.locales),
            time_zone=row.time_zone,
            country=row.country,
            region=row.region,
            prices_include_tax=row.prices_include_tax,
            rounding=msgspec.convert(row.rounding, dict[Currency, RoundingPolicy]),
            version=row.version,
        )
        for row in rows
    ]


async def lock(db: AsyncConnection, key: ChannelId) -> None:
    """Lock a channel against who locks it, too."""
    await db.execute(
        select(channel.c.id).where(channel.c.id == key).with_for_update(key_share=True)
    )


async def lock_by_code(db: AsyncConnection, code: str) -> None:
    """Lock the channel of a code, if there is one, against who changes it, too."""
    await db.execute(
        select(channel.c.id).where(channel.c.code == code).with_for_update(key_share=True)
    )


async def add(db: AsyncConnection, new: Channel) -> None:
    """Store a new channel."""
    await db.execute(channel.insert().values(_row(new)))


async def save(db: AsyncConnection, changed: Channel) -> None:
    """Store a channel that there is."""
    await db.execute(channel.update().where(channel.c.id == changed.id).values(_row(changed)))


async def find_zones(db: AsyncConnection) -> dict[str, Zone]:
    """Return {code: zone} of all zones, in the order of their codes."""
    places: dict[str, list[Place]] = defaultdict(list)
    zones: dict[str, Any] = {}
    statement = (
        select(zone, zone_place.c.country, zone_place.c.region)
        .outerjoin(zone_place, zone_place.c.zone_code == zone.c.code)
        .order_by(zone.c.code, zone_place.c.country, zone_place.c.region)
    )
    for row in await db.execute(statement):
        zones[row.code] = row
        if row.country is not None:
            places[row.code].append(Place(row.country, row.region))
    return {
        code: Zone(code=code, name=row.name, places=tuple(places[code]), version=row.version)
        for code, row in zones.items()
    }


async def save_zone(db: AsyncConnection, told: Zone) -> None:
    """Store a zone, new or known; its places become exactly those that are told."""
    made = insert(db, zone).values(code=told.code, name=told.name)
    await db.execute(
        made.on_conflict_do_update(index_elements=["code"], set_=upserted(zone, made, "name"))
    )
    await db.execute(zone_place.delete().where(zone_place.c.zone_code == told.code))
    if told.places:
        rows = [
            {"zone_code": told.code, "country": one.country, "region": one.region}
            for one in told.places
        ]
        await db.execute(zone_place.insert(), rows)


def _row(one: Channel) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {
        "currencies": list(one.currencies),
        "locales": list(one.locales),
        "rounding": msgspec.to_builtins(one.rounding),
    }
