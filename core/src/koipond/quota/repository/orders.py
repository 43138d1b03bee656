"""SQL of an order's own rows, in the order's transaction: no row of `quota` is touched."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, case, null, or_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OwnerId, QuotaId
from koipond.kernel.unsent import Unsent
from koipond.quota.repository.batch import change_rows, insert_rows
from koipond.quota.repository.rows import RESERVATION, to_reservations
from koipond.quota.rules import PartialReturn, sources
from koipond.quota.tables import reservation
from koipond.quota.types import Claim, ReleasePolicy, Reservation, ReservationState

_r = reservation.c
_OF_OWNER = _r.owner_id == bindparam("owner")
_PLACED = {"state": ReservationState.PLACED, "expires_at": None}
_IS_HELD = {"state": sources(ReservationState.PLACED)}
_IS_CONSUMED = _r.state == ReservationState.CONSUMED
# As `rules.returning.stays_used`: what is consumed stays so, what is placed becomes so.
_STAYS = and_(
    _IS_CONSUMED, _r.release.in_([ReleasePolicy.KEEP_CONSUMED, ReleasePolicy.KEEP_PLACED])
)
_BECOMES_USED = and_(_r.state == ReservationState.PLACED, _r.release == ReleasePolicy.KEEP_PLACED)
_LET_GO = (
    reservation.update()
    .where(_OF_OWNER, _r.state.in_(sources(ReservationState.RETURNING)), ~_STAYS)
    .values(
        state=case((_BECOMES_USED, ReservationState.CONSUMED), else_=ReservationState.RETURNING),
        expires_at=case((_BECOMES_USED, null()), else_=bindparam("now", type_=_r.expires_at.type)),
        # The policy speaks of what was consumed; what was not is simply free again.
        release=case((or_(_IS_CONSUMED, _BECOMES_USED), _r.release), else_=ReleasePolicy.RETURN),
    )
)


def place(unsent: Unsent, owner_id: OwnerId, part: int) -> None:
    """Place all that a part of an owner holds; it is told of: the quotas, and their units."""
    unsent.change(
        reservation,
        {"owner_id": owner_id, "part": part} | _PLACED,
        known_by=("owner_id", "part"),
        only_if=_IS_HELD,
        tells=("quota_id", "quantity"),
    )


def place_unread(unsent: Unsent, owner_id: OwnerId, part: int, claims: Sequence[Claim]) -> None:
    """Place all that a part of an owner holds, which must be these claims."""
    unsent.change(
        reservation,
        {"owner_id": owner_id, "part": part} | _PLACED,
        known_by=("owner_id", "part"),
        only_if=_IS_HELD,
        exactly=[{"quota_id": one.quota_id, "quantity": one.quantity} for one in claims],
    )


def consume(unsent: Unsent, owner_id: OwnerId) -> None:
    """Consume all that an owner has placed."""
    unsent.change(
        reservation,
        {"owner_id": owner_id, "state": ReservationState.CONSUMED},
        known_by=("owner_id",),
        only_if={"state": [ReservationState.PLACED]},
    )


async def let_go(db: AsyncConnection, owner_id: OwnerId, *, now: datetime) -> int:
    """Return all that an owner has, each by its policy; returns how many rows changed."""
    return (await db.execute(_LET_GO, {"owner": owner_id, "now": now})).rowcount


async def drop(db: AsyncConnection, owner_id: OwnerId, part: int, *, now: datetime) -> None:
    """Return what a part of an owner holds."""
    await db.execute(
        reservation.update()
        .where(_r.owner_id == owner_id, _r.part == part, _r.state == ReservationState.HELD)
        .values(state=ReservationState.RETURNING, expires_at=now, release=ReleasePolicy.RETURN)
    )


async def lock_rows(db: AsyncConnection, owner_id: OwnerId, quota_id: QuotaId) -> list[Reservation]:
    """Lock and return all of an owner's rows of a quota."""
    rows = await db.execute(
        select(*RESERVATION)
        .where(_r.owner_id == owner_id, _r.quota_id == quota_id)
        .order_by(_r.part)
        .with_for_update(key_share=True)
    )
    return to_reservations(rows)


async def store_return(
    db: AsyncConnection, plan: PartialReturn, before: Collection[Reservation]
) -> None:
    """Store a partial return of the locked rows `before`."""
    states = {row.part: row.state for row in before}
    await db.run_sync(change_rows, plan.changed, before=[states[row.part] for row in plan.changed])
    if plan.new:
        await db.run_sync(insert_rows, plan.new)
