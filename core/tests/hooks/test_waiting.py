"""A plugin that takes its time keeps its own caller waiting, and nobody else."""

import asyncio
from typing import Any

import pytest
from core.tests.hooks.toys import LIST, SPECS, Fault, codes, hurry, lent, place, running, toy

from koipond.kernel.dispatch import Kind

pytestmark = pytest.mark.one_database

AT_CHECKOUT = [
    "price_inputs",
    "checkout_validate",
    "checkout_attributes",
    "quota_requests",
    "order_creating",
]

# Fewer than there are connections, one of which the plugin may keep.
OTHERS = 8


@pytest.mark.parametrize("hook", AT_CHECKOUT)
async def test_others_go_on_while_one_waits_for_a_plugin(
    hook: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, hook, deadline_s=60)
    entered, go_on = asyncio.Event(), asyncio.Event()
    nothing = Fault(None)

    async def waiting() -> Any:
        if not entered.is_set():
            entered.set()
            await go_on.wait()
        return nothing.answer(hook)

    async with running(database_url, toy(hook, waiting)) as shop:
        first = asyncio.create_task(place(shop))
        await entered.wait()
        # Somebody else each: what one buyer does at once may wait for what is done already.
        listed = await shop.graphql(LIST)
        assert "errors" not in listed
        # One at a time writes to SQLite.
        writes_wait = SPECS[hook].declared.kind is Kind.TAKE_PART and shop.shop.database.is_sqlite
        if not writes_wait:
            others = await asyncio.gather(
                *(place(shop, contact={"email": f"wu{nth}@example.org"}) for nth in range(OTHERS))
            )
            assert [codes(one) for one in others] == [[]] * OTHERS
        assert not first.done()
        go_on.set()
        assert codes(await first) == []
        assert lent(shop) == 0
        assert len(await shop.rows("order")) == (1 if writes_wait else 1 + OTHERS)
