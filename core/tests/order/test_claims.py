"""What an order holds beside the stock, such as a coupon's use: it comes back by its own policy."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from core.tests.hooks.toys import toy
from core.tests.order.counter import Counter
from core.tests.payment.till import Till, codes

from koipond.kernel.context import Context
from koipond.kernel.ids import QuotaId
from koipond.order.types import Checkout, QuotaRequest
from koipond.quota.types import Claim, QuotaSpec, ReleasePolicy
from koipond_sdk.testing import running_shop

pytestmark = pytest.mark.story

USE, KEPT, LIMIT = (QuotaId(UUID(int=number)) for number in (71, 72, 73))
LIMIT_UNITS = 4


def claim(checkout: Checkout, key: QuotaId, units: int, release: ReleasePolicy) -> QuotaRequest:
    limit = LIMIT_UNITS if key == LIMIT else None
    return QuotaRequest(
        claim=Claim(
            quota_id=key,
            subject_id=checkout.subject,
            quantity=units,
            release=release,
            create=QuotaSpec(id=key, capacity=10, subject_limit=limit),
        )
    )


async def ask(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Want a use that comes back, one that does not, and a limit per unit."""
    units = sum(line.quantity for line in checkout.lines)
    return [
        claim(checkout, USE, 1, ReleasePolicy.RETURN),
        claim(checkout, KEPT, 1, ReleasePolicy.KEEP_CONSUMED),
        claim(checkout, LIMIT, units, ReleasePolicy.RETURN),
    ]


@pytest_asyncio.fixture
async def limited(database_url: str) -> AsyncIterator[Counter]:
    """The counter of a shop with a plugin that wants uses and a limit."""
    async with running_shop(database_url, plugins=[toy("quota_requests", ask)]) as shop:
        counter = Counter(Till(shop))
        yield counter
        assert await counter.till.audit() == []


async def uses(counter: Counter) -> list[int]:
    """Return what is taken of the three."""
    rows = {UUID(str(row["id"])): row["taken"] for row in await counter.till.shop.rows("quota")}
    return [rows[key] for key in (USE, KEPT, LIMIT)]


@pytest.mark.slow
async def test_uses_come_back_when_nothing_is_left_of_an_order_and_not_before(
    limited: Counter,
) -> None:
    bought = await limited.bought(3)
    await bought.deliver()
    assert await uses(limited) == [1, 1, 3]
    await bought.take_back(2)
    assert await uses(limited) == [1, 1, 3]
    await bought.take_back(1)
    assert await uses(limited) == [0, 1, 0]


async def test_uses_come_back_by_the_same_policy_when_an_order_is_cancelled(
    limited: Counter,
) -> None:
    bought = await limited.bought(3)
    await limited.act("cancelOrder", orderId=bought.id)
    assert await uses(limited) == [0, 1, 0]


@pytest.mark.slow
async def test_no_limit_is_passed_by_an_edit(limited: Counter) -> None:
    """I9: what is added is asked for as in any purchase."""
    bought = await limited.bought(3, units=20)
    before = await limited.till.shop.rows("order_line")
    done = await limited.act(
        "editOrder", orderId=bought.id, lines=[{"lineId": bought.lines[0], "quantity": 5}]
    )
    assert codes(done) == ["LIMIT_REACHED"]
    assert await limited.till.shop.rows("order_line") == before
    limited.till.shop.clock.advance(seconds=timedelta(minutes=5).total_seconds())
    await limited.till.work()
    done = await limited.act(
        "editOrder", orderId=bought.id, lines=[{"lineId": bought.lines[0], "quantity": 4}]
    )
    assert codes(done) == []
    assert (await uses(limited))[2] == 4
