"""SQL of flash sales."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, select

from koipond_flashsale.tables import flashsale_round, flashsale_timetable, is_open
from koipond_flashsale.types import FlashSaleRoundId, Round, RoundState
from koipond_sdk import ActivityId, ChannelId, Currency, VariantId
from koipond_sdk.db import AsyncConnection, insert

_r = flashsale_round.c
_COLUMNS = [_r[name] for name in Round.__struct_fields__]


async def lock_timetable(db: AsyncConnection, channel_id: ChannelId, variant_id: VariantId) -> None:
    """Keep others from planning rounds of this variant and channel until the transaction ends."""
    statement = insert(db, flashsale_timetable).values(channel_id=channel_id, variant_id=variant_id)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[flashsale_timetable.c.channel_id, flashsale_timetable.c.variant_id],
            # Nothing changes; an update takes the lock, doing nothing would not.
            set_={"variant_id": statement.excluded.variant_id},
        )
    )


async def find_overlap(db: AsyncConnection, new: Round) -> Round | None:
    """Return the first open round of the same variant and channel at any time of `new`."""
    found = await _find(
        db,
        select(*_COLUMNS)
        .where(is_open, _r.channel_id == new.channel_id, _r.variant_id == new.variant_id)
        .where(_r.starts_at < new.ends_at, _r.ends_at > new.starts_at)
        .order_by(_r.starts_at)
        .limit(1),
    )
    return next(iter(found), None)


async def add(db: AsyncConnection, new: Round) -> None:
    """Store a new round."""
    await db.execute(flashsale_round.insert().values(msgspec.structs.asdict(new)))


async def lock(db: AsyncConnection, round_id: FlashSaleRoundId) -> Round | None:
    """Return a round, locked until the transaction ends."""
    statement = select(*_COLUMNS).where(_r.id == round_id).with_for_update(key_share=True)
    return next(iter(await _find(db, statement)), None)


async def store(db: AsyncConnection, changed: Round) -> None:
    """Store what may change of a round: its units and its state."""
    await db.execute(
        flashsale_round.update()
        .where(_r.id == changed.id)
        .values(units=changed.units, state=changed.state, version=changed.version)
    )


async def find_by_id(db: AsyncConnection, round_id: FlashSaleRoundId) -> Round | None:
    """Return a round."""
    return next(iter(await _find(db, select(*_COLUMNS).where(_r.id == round_id))), None)


async def find_by_activities(
    db: AsyncConnection, activity_ids: Collection[ActivityId]
) -> list[Round]:
    """Return the rounds that these activities are of, over or not."""
    return await _find(db, select(*_COLUMNS).where(_r.activity_id.in_(sorted(activity_ids))))


async def find_coming(
    db: AsyncConnection,
    *,
    channel_id: ChannelId,
    currency: Currency,
    now: datetime,
    variant_ids: Sequence[VariantId] | None,
) -> list[Round]:
    """Return the rounds of a channel and currency that run or will, those that begin first first.

    variant_ids: None means of all variants.
    """
    statement = select(*_COLUMNS).where(
        is_open, _r.channel_id == channel_id, _r.currency == currency, _r.ends_at > now
    )
    if variant_ids is not None:
        statement = statement.where(_r.variant_id.in_(variant_ids))
    return await _find(db, statement.order_by(_r.starts_at, _r.id))


async def find_open(db: AsyncConnection, channel_id: ChannelId | None = None) -> list[Round]:
    """Return the rounds of a channel, or of all, that have not ended, the next to begin first."""
    statement = select(*_COLUMNS).where(is_open)
    if channel_id is not None:
        statement = statement.where(_r.channel_id == channel_id)
    return await _find(db, statement.order_by(_r.starts_at, _r.id))


_ALL = select(*_COLUMNS).order_by(_r.id)


async def find_all(db: AsyncConnection) -> list[Round]:
    """Return every round that there ever was."""
    return await _find(db, _ALL)


async def find_over(db: AsyncConnection, now: datetime) -> list[FlashSaleRoundId]:
    """Return the open rounds that are past their end."""
    rows = await db.execute(select(_r.id).where(is_open, _r.ends_at <= now).order_by(_r.ends_at))
    return [FlashSaleRoundId(key) for key in rows.scalars()]


async def _find(db: AsyncConnection, statement: Select[Any]) -> list[Round]:
    return [_round(dict(row)) for row in (await db.execute(statement)).mappings()]


def _round(row: dict[str, Any]) -> Round:
    return Round(**row | {"state": RoundState(row["state"])})
