"""The desk: the only one that hands out units, many requests to one transaction.

A request starts a batch at once when none runs; what arrives meanwhile is the next batch. There is
no timer, and one lane: a second one brought nothing that could be measured.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from koipond.kernel.clock import Clock
from koipond.kernel.faults import crash_point
from koipond.kernel.troubles import is_trouble
from koipond.quota import repository, rules
from koipond.quota.errors import DeskBusy
from koipond.quota.types import Granted, Refused, Request

if TYPE_CHECKING:
    from datetime import datetime

    from koipond.kernel.db import Connection, Database

BATCH_MAX = 512
_CAUTIOUS = 50
_RETRY_AFTER_S = 1

Answer = Granted | Refused


class _Waiting(Struct):
    request: Request
    answer: asyncio.Future[Answer]


class _Done(Struct):
    answers: Sequence[Answer]
    # Nothing was granted, or only what was granted before: no need to flush the log for locks.
    wrote: bool
    # Somebody else was faster than what was decided without locks.
    outpaced: bool = False


class Desk:
    """One per process. A caller who is cancelled may have been granted something all the same.

    That lapses. It is not released at once: the caller's next try, with the same owner, may just
    have been told that it is granted.
    """

    def __init__(self, database: Database, clock: Clock, *, queue_max: int) -> None:
        """queue_max: how many requests may wait; the next one is told to come back."""
        self._database = database
        self._clock = clock
        self._queue_max = queue_max
        self._queue: deque[_Waiting] = deque()
        self._batch: list[_Waiting] = []
        self._lane: asyncio.Task[None] | None = None
        # How many batches lock at once what they are about: others were faster a moment ago.
        self._cautious = 0
        # How many transactions it took, for those who want to know how well it groups.
        self.batches = 0

    def ask(self, request: Request) -> asyncio.Future[Answer]:
        """Answer soon: all claims or none. The same request again gets the same answer.

        Raises DeskBusy.
        """
        if len(self._queue) >= self._queue_max:
            raise DeskBusy(waiting=len(self._queue), retry_after_s=_RETRY_AFTER_S)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(request, answer))
        if self._lane is None:
            self._lane = asyncio.create_task(self._work())
            self._lane.add_done_callback(self._abandon)
        return answer

    async def close(self) -> None:
        """Wait until everyone who asked was answered."""
        while self._lane is not None:
            await asyncio.wait([self._lane])

    async def _work(self) -> None:
        while self._queue:
            await asyncio.sleep(0)  # callers woken by the last batch get into this one
            self._batch = self._next_batch()
            if self._batch:
                await self._serve(self._batch)
        # In the step in which the queue was seen empty, and not when the task is done: what is
        # asked in between would wait for ever.
        self._lane = None

    def _abandon(self, lane: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a lane that was cancelled, as when the process ends."""
        if self._lane is not lane:
            return
        self._lane = None
        for waiting in [*self._batch, *self._queue]:
            waiting.answer.cancel()
        self._queue.clear()

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._queue and len(batch) < BATCH_MAX:
            waiting = self._queue.popleft()
            if not waiting.answer.done():  # else it was cancelled while it waited
                batch.append(waiting)
        return batch

    async def _serve(self, batch: list[_Waiting]) -> None:
        self.batches += 1
        try:
            answers = await self._decide([waiting.request for waiting in batch])
        except Exception as error:
            # Not one by one when it is the database: hundreds of single tries would be an
            # avalanche onto one that just comes back.
            if len(batch) == 1 or is_trouble(error):
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                return
            for waiting in batch:  # one request is the cause; it must not fail the others
                await self._serve([waiting])
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _decide(self, requests: Sequence[Request]) -> Sequence[Answer]:
        now = await self._clock.database_now(self._database)
        done = await self._database.transact_apart(
            lambda connection: _transact(connection, requests, now, locks=self._cautious > 0),
            keep=lambda done: done.wrote,
            # What is only held is told nobody: the order that places it is committed to the disk.
            lazily=True,
        )
        self._cautious = _CAUTIOUS if done.outpaced else max(self._cautious - 1, 0)
        crash_point("quota.batch.after_commit")
        return done.answers


def _transact(
    connection: Connection, requests: Sequence[Request], now: datetime, *, locks: bool
) -> _Done:
    """Decide a batch; nearly always by two statements, which lock nothing in between."""
    wanted = {claim.quota_id for request in requests for claim in request.claims}
    owners = {request.owner_id for request in requests}
    seen = None if locks else repository.look(connection, wanted, owners)
    # Whose limits count is not seen by looking at quotas: it changes without them.
    if seen is None or rules.find_pairs(requests, seen.quotas):
        return _decide_locked(connection, requests, now)
    answers, writes = rules.decide(requests, rules.open_ledger(requests, seen.quotas, (), now), now)
    if not writes.rows:
        return _Done(answers, wrote=False)
    crash_point("quota.batch.before_commit")
    if repository.insert_if_still(connection, writes, seen):
        return _Done(answers, wrote=True)
    done = _decide_locked(connection, requests, now)
    done.outpaced = True
    return done


def _decide_locked(connection: Connection, requests: Sequence[Request], now: datetime) -> _Done:
    wanted = {claim.quota_id for request in requests for claim in request.claims}
    quotas = repository.lock(connection, wanted)
    rows = repository.read(
        connection,
        {request.owner_id for request in requests},
        rules.find_pairs(requests, quotas),
    )
    answers, writes = rules.decide(requests, rules.open_ledger(requests, quotas, rows, now), now)
    if writes.rows:
        repository.write(connection, writes, now=now)
        crash_point("quota.batch.before_commit")
    return _Done(answers, wrote=bool(writes.rows))
