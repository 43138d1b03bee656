"""SQL of promotions and of the boards by which processes know that they changed."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, select

from koipond_promotions.tables import is_live, promotions_board, promotions_promotion
from koipond_promotions.types import Promotion, PromotionId, PromotionState, Rule
from koipond_sdk import ChannelId, Page, Slice, cut
from koipond_sdk.db import AsyncConnection, insert
from koipond_sdk.services.quotas import ReleasePolicy

_p = promotions_promotion.c
COLUMNS = [_p[name] for name in Promotion.__struct_fields__]


async def raise_revision(db: AsyncConnection, channel_id: ChannelId) -> None:
    """Tell all processes that a channel's promotions change, and keep others from changing them."""
    statement = insert(db, promotions_board).values(channel_id=channel_id, revision=1)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[promotions_board.c.channel_id],
            set_={"revision": promotions_board.c.revision + 1},
        )
    )


async def find_revisions(db: AsyncConnection) -> dict[ChannelId, int]:
    """Return {channel: how often its promotions have changed}."""
    rows = await db.execute(select(promotions_board.c.channel_id, promotions_board.c.revision))
    return {ChannelId(key): int(revision) for key, revision in rows}


async def add(db: AsyncConnection, new: Promotion) -> None:
    """Store a new promotion."""
    await db.execute(promotions_promotion.insert().values(_values(new)))


async def store(db: AsyncConnection, changed: Promotion) -> None:
    """Store a changed promotion."""
    await db.execute(
        promotions_promotion.update().where(_p.id == changed.id).values(_values(changed))
    )


async def lock(db: AsyncConnection, key: PromotionId) -> Promotion | None:
    """Return a promotion, locked until the transaction ends."""
    statement = select(*COLUMNS).where(_p.id == key).with_for_update(key_share=True)
    return next(iter(await _find(db, statement)), None)


async def find_by_ids(
    db: AsyncConnection, keys: Collection[PromotionId]
) -> dict[PromotionId, Promotion]:
    """Return {id: promotion}."""
    found = await _find(db, select(*COLUMNS).where(_p.id.in_(sorted(keys))))
    return {one.id: one for one in found}


async def find_versions(
    db: AsyncConnection, keys: Collection[PromotionId]
) -> dict[PromotionId, int]:
    """Return {promotion: its version} of those that are live."""
    rows = await db.execute(select(_p.id, _p.version).where(_p.id.in_(sorted(keys)), is_live))
    return {PromotionId(key): int(version) for key, version in rows}


async def find_live(db: AsyncConnection, channel_id: ChannelId | None = None) -> list[Promotion]:
    """Return the live promotions of a channel, or of all, by id."""
    statement = select(*COLUMNS).where(is_live)
    if channel_id is not None:
        statement = statement.where(_p.channel_id == channel_id)
    return await _find(db, statement.order_by(_p.id))


_PUBLISHED = select(*COLUMNS).where(_p.published_at.is_not(None)).order_by(_p.id)


async def find_published(db: AsyncConnection) -> list[Promotion]:
    """Return every promotion that was ever published."""
    return await _find(db, _PUBLISHED)


async def find_page(
    db: AsyncConnection, channel_id: ChannelId, page: Page, state: PromotionState | None
) -> Slice[Promotion]:
    """Return one page of a channel's promotions, the newest first."""
    statement = select(*COLUMNS).where(_p.channel_id == channel_id)
    if state is not None:
        statement = statement.where(_p.state == state)
    if page.after is not None:
        statement = statement.where(_p.id < msgspec.convert(page.after[0], UUID))
    found = await _find(db, statement.order_by(_p.id.desc()).limit(page.first + 1))
    return cut(found, [(one.id.hex,) for one in found], page)


async def _find(db: AsyncConnection, statement: Select[Any]) -> list[Promotion]:
    return [to_promotion(dict(row)) for row in (await db.execute(statement)).mappings()]


def to_promotion(row: dict[str, Any]) -> Promotion:
    """Return a row of COLUMNS as a promotion."""
    read = {
        "rule": msgspec.convert(row["rule"], Rule),
        "state": PromotionState(row["state"]),
        "release_uses": ReleasePolicy(row["release_uses"]),
        "release_member": ReleasePolicy(row["release_member"]),
    }
    return Promotion(**row | read)


def _values(one: Promotion) -> dict[str, Any]:
    values = msgspec.structs.asdict(one)
    return values | {"rule": msgspec.to_builtins(one.rule), "label": dict(one.label)}
