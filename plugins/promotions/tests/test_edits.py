"""What edits and exchanges of an order make of the promotions that it carries."""

from typing import Any
from uuid import uuid4

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import codes
from plugins.promotions.tests.stall import Stall, eur, off, outcome, percent

from koipond.kernel.ids import OrderId, OrderLineId, decode, encode
from koipond.order import service as orders
from koipond.order.types import Order
from koipond_sdk import Viewer
from koipond_sdk.testing import STAFF

pytestmark = pytest.mark.story

EDIT = """mutation($input: EditOrderInput!) { done: editOrder(input: $input) {
  order { total { amount } lines { sku quantity total { amount } } }
  userErrors { __typename code message field } } }"""


async def placed(stall: Stall, *lines: tuple[str, int], **given: Any) -> dict[str, Any]:
    made = await stall.order_of(*lines, pay="captured", **given)
    assert made["userErrors"] == [], made
    return made


async def edit(stall: Stall, made: dict[str, Any], **wish: Any) -> dict[str, Any]:
    """Return {"total", "lines"} of an order after an edit."""
    done = await stall.staff(EDIT, orderId=made["order"]["id"], idempotencyKey=str(uuid4()), **wish)
    assert done["userErrors"] == [], done
    order = done["order"]
    lines = [(one["sku"], one["quantity"], one["total"]["amount"]) for one in order["lines"]]
    return {"total": order["total"]["amount"], "lines": lines}


async def order(stall: Stall, made: dict[str, Any]) -> Order:
    async with stall.shop.context(viewer=STAFF) as ctx:
        found = await orders.find_any_order(ctx, order_id=decode(OrderId, made["order"]["id"]))
    assert found is not None
    return found


async def test_five_off_is_five_off_however_often_cups_are_added(stall: Stall) -> None:
    await stall.run(off("5.00"))
    made = await placed(stall)
    for total in ("9.00", "13.00", "17.00"):
        done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
        assert done["total"] == total


async def test_a_share_goes_on_to_count_for_what_is_added_at_the_version_of_then(
    stall: Stall,
) -> None:
    one = await stall.run(percent("10"))
    made = await placed(stall)
    ended = await stall.act("endPromotion", promotionId=one["id"], version=one["version"])
    assert ended["userErrors"] == []
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 2}])
    assert done == {"total": "16.20", "lines": [("TEA-1", 1, "9.00"), ("CUP-1", 2, "7.20")]}
    # Again, from what the edit left.
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    assert done["total"] == "19.80"


async def test_an_edit_begins_no_promotion_and_no_use(stall: Stall) -> None:
    await stall.run(off("3.00"), minimum=eur("12.00"), usesMax=5)
    made = await placed(stall)
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    assert (done["total"], await stall.uses()) == ("14.00", [])
    await stall.run(percent("50"))
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    assert (done["total"], await stall.uses()) == ("18.00", [])


async def test_a_limited_promotion_that_goes_on_to_count_is_used_once(
    stall: Stall, lin: Viewer
) -> None:
    await stall.run(percent("10"), usesMax=1, usesPerMember=1)
    made = await placed(stall, viewer=lin)
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    assert (done["total"], len(await stall.uses())) == ("12.60", 1)
    assert [row["taken"] for row in await stall.shop.rows("quota") if row["capacity"] == 1] == [1]
    assert outcome(await stall.order_of()) == "PLACED 10.00"


async def test_of_a_budget_an_edit_takes_nothing_more(stall: Stall) -> None:
    await stall.run(percent("10"), budget=eur("50.00"))
    made = await placed(stall)
    done = await edit(stall, made, added=[{"variantId": stall.tea, "quantity": 1}])
    assert done["total"] == "19.00"
    assert [one["off_minor"] for one in await stall.uses()] == [1_00]


async def test_a_coupon_goes_on_to_count_and_is_not_used_again(stall: Stall) -> None:
    await stall.coupon("TENTH", percent("10"), usesOfCode=1)
    made = await placed(stall, couponCodes=["TENTH"])
    done = await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    assert (done["total"], len(await stall.uses())) == ("12.60", 1)


@pytest.mark.slow
async def test_what_is_bought_instead_has_the_share_of_what_it_is_bought_for(stall: Stall) -> None:
    await stall.run(percent("20"))
    made = await placed(stall, (stall.tea, 2))
    line = encode(OrderLineId, (await order(stall, made)).lines[0].id)
    done = await edit(
        stall,
        made,
        lines=[{"lineId": line, "quantity": 1}],
        added=[{"variantId": stall.tea, "quantity": 1}],
    )
    assert done == {"total": "16.00", "lines": [("TEA-1", 1, "8.00"), ("TEA-1", 1, "8.00")]}


async def test_a_bundle_that_an_edit_completes_again_costs_what_it_did(stall: Stall) -> None:
    await stall.run({"kind": "BUNDLE", "units": 3, "amount": eur("24.00")})
    made = await placed(stall, (stall.tea, 3))
    line = encode(OrderLineId, (await order(stall, made)).lines[0].id)
    less = await edit(stall, made, lines=[{"lineId": line, "quantity": 2}])
    assert less["total"] == "16.00"
    more = await edit(stall, made, added=[{"variantId": stall.tea, "quantity": 1}])
    assert more["total"] == "24.00"
    twice = await edit(stall, made, added=[{"variantId": stall.tea, "quantity": 3}])
    assert twice["total"] == "48.00"


async def test_a_gift_is_given_once(stall: Stall) -> None:
    await stall.run({"kind": "GIFT", "variantId": stall.cup})
    made = await placed(stall)
    done = await edit(stall, made, added=[{"variantId": stall.tea, "quantity": 1}])
    assert done["total"] == "20.00"
    assert [sku for sku, _, _ in done["lines"]] == ["TEA-1", "CUP-1", "TEA-1"]


async def test_the_price_of_an_edited_order_still_explains_itself(stall: Stall) -> None:
    await stall.run(percent("10"))
    made = await placed(stall)
    await edit(stall, made, added=[{"variantId": stall.cup, "quantity": 1}])
    async with stall.shop.context(viewer=STAFF) as ctx:
        found = await orders.replay(ctx, made["order"]["id"])
    assert found is not None
    assert (found.is_same, found.edits, found.total.amount_minor) == (True, 1, 12_60)


@pytest.mark.slow
async def test_a_gift_is_exchanged_for_what_costs_its_whole_price(stall: Stall) -> None:
    """Nothing was paid for it, so it pays nothing of what comes instead."""
    await stall.run({"kind": "GIFT", "variantId": stall.cup})
    made = await placed(stall)
    gift = next(one for one in (await order(stall, made)).lines if one.sku == "CUP-1")
    made["order"]["lines"] = [{"id": encode(OrderLineId, gift.id)}]
    counter = Counter(stall)
    bought = Bought(counter, made)
    await bought.deliver()
    key = await bought.send_back(1)
    assert codes(await counter.act("inspectReturn", returnId=key)) == []
    instead = [{"variantId": stall.cup, "quantity": 1}]
    done = await counter.act("exchangeReturn", returnId=key, added=instead)
    assert (codes(done), done["order"]["total"]["amount"]) == ([], "14.00")
    assert done["order"]["due"]["amount"] == "4.00"
    assert await stall.uses() != []
