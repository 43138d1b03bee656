"""A login beside a merge, or an erasure, of the same member."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from core.tests.login.gate import LIN, MEI, PASSWORD, Gate, codes, open_gate
from core.tests.oneid.people import People
from core.tests.payment.till import Till
from tests.rig.naive import builds, raced

from koipond.kernel.ids import MemberId, decode
from koipond.privacy import service as privacy

pytestmark = pytest.mark.slow

ROUNDS = 5


def key_of(entered: dict[str, Any]) -> MemberId:
    return decode(MemberId, entered["member"]["id"])


async def who(gate: Gate, entered: dict[str, Any]) -> str | None:
    """Return whom an access token speaks for; None: nobody any more."""
    answer = await gate.ask("{ me { id } }", token=entered["accessToken"])
    me = (answer.get("data") or {}).get("me")
    return me and str(me["id"])


async def test_who_logs_in_during_a_merge_is_the_survivor(database_url: str) -> None:
    """Whichever was first: a login of before the merge is the survivor's as well."""
    async with open_gate(database_url) as gate:
        people = People(Till(gate.shop))
        lin, mei = await gate.register(), await gate.register(address=MEI)
        for nth in range(ROUNDS):
            merging = asyncio.create_task(_merge_after(people, lin, mei, 0.01 * nth))
            entered = await gate.log_in(address=MEI, password=PASSWORD)
            merge = await merging
            assert codes(entered) == []
            assert await who(gate, entered) == lin["member"]["id"]
            again = await gate.refresh(entered["refreshToken"])
            assert await who(gate, again) == lin["member"]["id"]
            await people.undo(merge)
            # What belongs to whom is settled by when it was: never nobody's, never a third one's.
            both = {lin["member"]["id"], mei["member"]["id"]}
            assert await who(gate, entered) in both


async def _merge_after(
    people: People, survivor: dict[str, Any], merged: dict[str, Any], wait_s: float
) -> Any:
    await asyncio.sleep(wait_s)
    return await people.merge(key_of(survivor), key_of(merged))


@builds("who logs in may have been erased meanwhile")
async def test_who_logs_in_during_their_erasure_is_nobody(database_url: str, build: str) -> None:
    async with open_gate(database_url) as gate:
        with raced(build):
            for nth in range(ROUNDS):
                registered = await gate.register()
                logging_in = asyncio.create_task(gate.log_in(address=LIN, password=PASSWORD))
                await asyncio.sleep(0.01 * nth)
                async with gate.shop.context() as ctx:
                    await privacy.erase(ctx, key_of(registered))
                entered = await logging_in
                # They came before, and their login ended; or they came too late.
                assert codes(entered) in ([], ["LOGIN_REFUSED"])
                if not codes(entered):
                    assert await who(gate, entered) is None
                rows = await gate.shop.rows("login_session")
                assert [row for row in rows if not row["ended_at"]] == []
                assert await gate.shop.rows("password") == []
