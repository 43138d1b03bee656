"""What is due for a worker, asked in one statement, and what it has done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import bindparam, select

from koipond.kernel import couriers, deliveries, jobs, schedules
from koipond.kernel.db import Instant
from koipond.kernel.deliveries import Consumer
from koipond.kernel.prepared import Prepared

if TYPE_CHECKING:
    from koipond.kernel.context import Shop


class Drained(Struct, frozen=True, kw_only=True):
    """What was done: recurring jobs that were due, events relayed, deliveries and jobs."""

    ticks: int = 0
    relayed: int = 0
    delivered: int = 0
    deliveries_failed: int = 0
    jobs_done: int = 0
    jobs_failed: int = 0

    def __add__(self, other: Drained) -> Drained:
        names = self.__struct_fields__
        return Drained(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Due(Struct, frozen=True, kw_only=True):
    """What there is to do."""

    jobs: bool
    lapsed: bool
    ticks: bool
    events: bool
    # Whether somebody outside is to be told something.
    carried: bool
    consumers: list[Consumer]


def looking(shop: Shop) -> Prepared:
    """Return the statement that asks what is due in a shop."""
    now: Any = bindparam("now", type_=Instant)
    parts = [
        jobs.due(sorted(kind.name() for kind in shop.jobs), now),
        jobs.lapsed(now),
        schedules.ticks_due([one.name for one in shop.recurring], now),
        deliveries.waiting_for_relay(),
        couriers.due(sorted(shop.extensions.events), sorted(couriers.find_couriers(shop)), now),
        *(
            deliveries.heads(one.name, [event.name() for event in one.events], now)
            for one in shop.consumers
        ),
    ]
    return Prepared(select(*(one.exists() for one in parts)))
