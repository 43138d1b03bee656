"""One of several processes that buy from the same quotas, started by test_races.py.

Its plan: {"url": …, "act": "chaos", "seed": 1, "seconds": 2, "starts_at": …}. `rush` asks for units
of HOT until its requests are used up; `chaos` does everything that can be done to a quota, at once.
"naive" is [module, real, naive]: a line that this process gets wrong. "crash_at" is where it dies.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from core.tests.quota.pond import make_shop, owner
from core.tests.quota.rebuilt import rebuild
from sqlalchemy.exc import DBAPIError

from koipond.kernel.clock import SystemClock
from koipond.kernel.context import Context, Shop
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import deadly, planned
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.kernel.viewer import GUEST
from koipond.quota import service as quota
from koipond.quota.types import (
    Claim,
    Granted,
    Refused,
    ReleasePolicy,
    Request,
    ReservationState,
)

HOT, FLASH, LIMIT, *COUPONS = [QuotaId(UUID(int=1_000 + number)) for number in range(6)]
CALLERS = 40


def member(number: int) -> SubjectId:
    return SubjectId(UUID(int=2_000 + number))


class Worker:
    def __init__(self, shop: Shop, plan: dict[str, Any]) -> None:
        self.shop = shop
        self.plan = plan
        self.chance = random.Random(plan["seed"])
        self.ends_at = time.time() + plan.get("seconds", 60)
        self.seen: Counter[str] = Counter()
        self.left = plan.get("requests", 0)

    async def ask(self, ctx: Context, of: OwnerId, claims: list[Claim]) -> Granted | Refused:
        """Reserve for a time that is short enough to lapse before it is placed, now and then."""
        hold = timedelta(seconds=self.chance.choice([0.05, 0.3, 1, 3]))
        request = Request(owner_id=of, part=0, claims=tuple(claims), hold=hold)
        return await quota.find_desk(ctx).ask(request)

    async def rush(self) -> None:
        members = self.plan["members"]
        async with self.shop.context(viewer=GUEST) as ctx:
            while self.left > 0:
                self.left -= 1
                claims = [Claim(quota_id=HOT, subject_id=member(self.chance.randrange(members)))]
                request = Request(
                    owner_id=owner(), part=0, claims=tuple(claims), hold=timedelta(minutes=5)
                )
                try:
                    answer = await quota.find_desk(ctx).ask(request)
                    self.seen[type(answer).__name__] += 1
                except DBAPIError:  # a naive build finds the CHECK of the table
                    self.seen["errors"] += 1

    async def chaos(self) -> None:
        async with self.shop.context(viewer=GUEST) as ctx:
            await asyncio.gather(
                *(self._again(self._buy, ctx) for _ in range(CALLERS)),
                self._again(self._give_back, ctx),
                self._again(self._move, ctx),
                self._again(self._merge, ctx),
            )

    async def _again(self, act: Callable[[Context], Awaitable[None]], ctx: Context) -> None:
        while time.time() < self.ends_at:
            try:
                await act(ctx)
            except DomainError as refusal:
                self.seen[type(refusal).__name__] += 1
            except asyncio.CancelledError:
                self.seen["cancelled"] += 1
            except AssertionError:
                raise
            except Exception as error:
                self.seen["errors"] += 1
                self.seen[f"error {type(error).__name__}: {str(error)[:160]}"] += 1

    async def _buy(self, ctx: Context) -> None:
        chance = self.chance
        of, claims = owner(), self._claims(member(chance.randrange(150)))
        answer = await self._perhaps_leave(self.ask(ctx, of, claims))
        if chance.random() < 0.08:
            answer = await self.ask(ctx, of, claims)
        if isinstance(answer, Granted) and chance.random() < 0.1:
            claims = self._claims(claims[0].subject_id)
            answer = await self.ask(ctx, of, claims)
        self.seen[type(answer).__name__] += 1
        if isinstance(answer, Refused):
            await asyncio.sleep(0.001)
            return
        if chance.random() < 0.2:
            return  # walks away
        await asyncio.sleep(chance.random() * 0.06)
        await quota.place(ctx, of, claims)
        self.seen["placed"] += 1
        if chance.random() < 0.7:
            await quota.consume(ctx, of)
            states = [row.state for row in await quota.find_reservations(ctx, of)]
            assert states.count(ReservationState.CONSUMED) == len(claims)
        await self._undo(ctx, of, claims)

    async def _undo(self, ctx: Context, of: OwnerId, claims: list[Claim]) -> None:
        chance = self.chance
        if chance.random() < 0.1:
            await quota.return_part(ctx, of, claims[0].quota_id, 1)
        if chance.random() < 0.1:
            await quota.transfer(ctx, of, claims[0].quota_id, member(chance.randrange(150)))
        if chance.random() < 0.75:
            await quota.ask_release(ctx, of)
            self.seen["let go"] += 1

    def _claims(self, subject: SubjectId) -> list[Claim]:
        chance = self.chance
        claims = [
            Claim(quota_id=HOT, subject_id=subject, quantity=chance.choice([1, 1, 1, 2, 7])),
            Claim(quota_id=FLASH, subject_id=subject, release=ReleasePolicy.TO_PARENT),
            Claim(quota_id=LIMIT, subject_id=subject, release=ReleasePolicy.KEEP_CONSUMED),
            Claim(quota_id=chance.choice(COUPONS), subject_id=subject),
        ]
        return chance.sample(claims, chance.randint(1, 4))

    async def _perhaps_leave(self, asking: Awaitable[Granted | Refused]) -> Granted | Refused:
        task = asyncio.ensure_future(asking)
        if self.chance.random() < 0.1:
            await asyncio.sleep(self.chance.random() * 0.02)
            task.cancel()
        return await task

    async def _give_back(self, ctx: Context) -> None:
        given = await quota.give_back(ctx)
        self.seen["given back"] += given
        await asyncio.sleep(0.01)

    async def _move(self, ctx: Context) -> None:
        source, target = self.chance.sample([HOT, FLASH], 2)
        await asyncio.sleep(0.03)
        await quota.move_units(ctx, source, target, self.chance.randint(1, 20))
        self.seen["moves"] += 1

    async def _merge(self, ctx: Context) -> None:
        await asyncio.sleep(0.3)
        source, target = self.chance.sample(range(150), 2)
        await quota.merge_subjects(ctx, member(source), member(target))
        self.seen["merges"] += 1


async def _work(plan: dict[str, Any]) -> Counter[str]:
    if plan.get("naive"):
        rebuild(*plan["naive"])
    shop = make_shop(plan["url"], SystemClock())
    worker = Worker(shop, plan)
    await asyncio.sleep(max(0.0, plan["starts_at"] - time.time()))
    worker.ends_at = time.time() + plan.get("seconds", 60)
    if plan["act"] == "rush":
        await asyncio.gather(*(worker.rush() for _ in range(CALLERS)))
    else:
        await worker.chaos()
    await shop.close()
    return worker.seen


def work(plan: dict[str, Any], told: Connection) -> None:
    """Do what the plan says, in a process that is there for it, and tell what was seen."""
    with planned(deadly(plan.get("crash_at", ""))):
        told.send(asyncio.run(_work(plan)))
