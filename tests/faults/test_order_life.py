"""kill -9 of the server at every named place of what follows a sale; then staff try again.

One key: a parcel is packed once, its units leave once and come back once, money goes back once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kill_points import (
    Act,
    End,
    Killing,
    Preparing,
    buy_lines,
    die_everywhere,
    staff_token,
)
from tests.rig.auditing import problems
from tests.rig.buying import Reply, Storefront, buyer, key
from tests.rig.servers import SECRET, Servers

from koipond.fulfilment.rules import make_code
from koipond.kernel.ids import FulfilmentId, decode
from koipond_sdk.testing import RunningShop

ORDER = "id state paid { amount } lines { id } fulfilments { id } returns { id }"


def document(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input!"
    payload = f"order {{ {ORDER} }} userErrors {{ code message }}"
    return f"mutation($input: {kind}) {{ done: {name}(input: $input) {{ {payload} }} }}"


async def do(front: Storefront, name: str, **given: Any) -> Reply:
    """Do something as staff that must not be refused."""
    reply = await front.send(document(name), {"input": given}, staff=staff_token())
    assert reply.outcome == "CONFIRMED", reply
    return reply


def later(name: str, **given: Any) -> Act:
    """Return what staff are about to do, with a key of its own."""
    return Act(name, given | {"idempotencyKey": key()}, "CONFIRMED", document(name))


async def bought(front: Storefront, variant: str) -> str:
    order_id: str = (await (await buy_lines(front, variant)).run(front)).made["id"]
    return order_id


async def packed(front: Storefront, variant: str, **given: Any) -> str:
    order_id = await bought(front, variant)
    done = await do(front, "createFulfilment", orderId=order_id, idempotencyKey=key(), **given)
    parcel: str = done.made["fulfilments"][0]["id"]
    return parcel


async def sent_back(front: Storefront, variant: str) -> str:
    """Return a return of one unit that was received."""
    asked = await (await ask_back(front, variant)).run(front)
    returned: str = asked.made["returns"][0]["id"]
    for name in ("approveReturn", "receiveReturn"):
        await do(front, name, returnId=returned)
    return returned


async def pack(front: Storefront, variant: str) -> Act:
    return later("createFulfilment", orderId=await bought(front, variant))


async def ship(front: Storefront, variant: str) -> Act:
    return later("shipFulfilment", fulfilmentId=await packed(front, variant))


async def collect(front: Storefront, variant: str) -> Act:
    parcel = await packed(front, variant, method="PICK_UP")
    await do(front, "readyFulfilment", fulfilmentId=parcel)
    code = make_code(SECRET, decode(FulfilmentId, parcel), 1)
    return later("collectFulfilment", fulfilmentId=parcel, code=code)


async def ask_back(front: Storefront, variant: str) -> Act:
    parcel = await packed(front, variant)
    await do(front, "shipFulfilment", fulfilmentId=parcel, idempotencyKey=key())
    order = (await do(front, "deliverFulfilment", fulfilmentId=parcel)).made
    lines = [{"lineId": order["lines"][0]["id"], "quantity": 1}]
    return later("requestReturn", orderId=order["id"], lines=lines)


async def inspect(front: Storefront, variant: str) -> Act:
    return later("inspectReturn", returnId=await sent_back(front, variant))


async def pay_back(front: Storefront, variant: str) -> Act:
    returned = await sent_back(front, variant)
    await do(front, "inspectReturn", returnId=returned, idempotencyKey=key())
    return later("refundReturn", returnId=returned)


async def cut(front: Storefront, variant: str) -> Act:
    made = (await (await buy_lines(front, variant)).run(front)).made
    lines = [{"lineId": made["lines"][0]["id"], "quantity": 1}]
    return later("editOrder", orderId=made["id"], lines=lines)


async def add(front: Storefront, variant: str) -> Act:
    wanted = [{"variantId": variant, "quantity": 1}]
    return later("editOrder", orderId=await bought(front, variant), added=wanted)


async def authorised(front: Storefront, variant: str) -> Reply:
    """Return a new order whose money is held and not taken."""
    payload = "token order { id state payments { id } } userErrors { code message }"
    wish = {
        "lines": [{"variantId": variant, "quantity": 2}],
        "contact": buyer(),
        "payment": {"provider": "sandbox", "data": [{"key": "outcome", "value": "authorised"}]},
        "idempotencyKey": key(),
    }
    return await front.send(
        f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {payload} }} }}",
        {"input": wish},
    )


async def capture(front: Storefront, variant: str) -> Act:
    held = (await authorised(front, variant)).made["payments"][0]["id"]
    given = {"paymentId": held, "idempotencyKey": key()}
    # The payment stands where a reply has its order.
    asked = (
        "done: capturePayment(input: $input) { order: payment { id state } userErrors { code } }"
    )
    wanted = f"mutation($input: CapturePaymentInput!) {{ {asked} }}"
    return Act("capturePayment", given, "CAPTURED", wanted)


async def void(front: Storefront, variant: str) -> Act:
    placed = await authorised(front, variant)
    given = {"orderId": placed.made["id"], "token": placed.token, "reason": "Too many"}
    return Act("cancelOrder", given, "CANCELLED")


ACTS: dict[Preparing, End] = {
    pack: End("CONFIRMED", ("fulfilment.created.before_commit",)),
    ship: End("CONFIRMED", ("fulfilment.shipped.before_commit",)),
    collect: End("CONFIRMED", ("fulfilment.collected.before_commit",)),
    ask_back: End("CONFIRMED", ("return.requested.before_commit",)),
    inspect: End("CONFIRMED", ("return.inspected.before_commit",)),
    pay_back: End("CONFIRMED", ("return.refunded.before_commit",), (10_00,)),
    cut: End("CONFIRMED", ("order.edited.before_commit",), (10_00,)),
    add: End("CONFIRMED", ("order.edit.reserved",)),
    capture: End(
        "CONFIRMED", ("capture.planned.before_commit", "capture.provider_answered.before_apply")
    ),
    void: End("CANCELLED", ("void.provider_answered.before_apply",)),
}


async def audits_find_nothing(shop: RunningShop) -> None:
    assert await problems(shop.shop) == []


@pytest.fixture
def killing(shop: RunningShop, servers: Servers, tmp_path: Path) -> Killing:
    return Killing(shop, servers, tmp_path, acts=ACTS, check=audits_find_nothing)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prepare", "place"),
    [
        (ship, "fulfilment.shipped.before_commit"),
        (inspect, "return.inspected.before_commit"),
        (add, "order.edit.reserved"),
    ],
)
async def test_what_follows_a_sale_is_done_once_when_it_is_cut_by_kill_9_and_repeated(
    killing: Killing, prepare: Preparing, place: str
) -> None:
    await killing.die_and_repeat(prepare, place)
    assert killing.died_at == [place]


@pytest.mark.faults
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("prepare", ACTS)
async def test_every_place_of_what_follows_a_sale(
    killing: Killing, prepare: Preparing, tell: Callable[[str], None]
) -> None:
    await die_everywhere(killing, prepare, tell)
