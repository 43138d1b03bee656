"""SQL of channels."""

from sqlalchemy import select

from koipond.channel.tables import channel
from koipond.channel.types import Channel
from koipond.kernel.db import AsyncConnection


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
        )
        for row in rows
    ]


async def add(db: AsyncConnection, new: Channel) -> None:
    """Store a new channel."""
    await db.execute(
        channel.insert().values(
            id=new.id,
            code=new.code,
            name=new.name,
            currencies=list(new.currencies),
            locales=list(new.locales),
            time_zone=new.time_zone,
        )
    )
