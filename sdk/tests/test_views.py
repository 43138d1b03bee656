"""The reporting views: their columns, what stands in them, and that they only can be read."""

from typing import Any

import pytest
from sqlalchemy import Connection, Table, inspect, select, text
from sqlalchemy.exc import DBAPIError

from koipond.kernel.ids import VariantId, encode
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.member.types import Contact
from koipond.order import service as orders
from koipond.order.types import (
    Address,
    CheckoutDetails,
    LineWish,
    OrderWish,
    PaymentWish,
    Placed,
)
from koipond_sdk import views
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story

VIEWS: list[Table] = [getattr(views, name) for name in views.__all__]
EACH = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
NO_SOURCE = {"source_class": None, "source_entry": None, "source_campaign": None}
PERSON = ("Lin", "lin@example.org", "1 Tea Road", "Hangzhou")


async def buy(shop: RunningShop, *, quantity: int, paid: str | None = "sandbox") -> Placed:
    """Place an order of TEA-1 as a guest, and pay it."""
    made = await shop.make_product(sku="TEA-1", price="12.50", stock=5)
    details = CheckoutDetails(
        contact=Contact(name=PERSON[0], email=PERSON[1], phone=None),
        shipping_address=Address(line1=PERSON[2], city=PERSON[3], country="CN"),
    )
    wish = OrderWish(
        idempotency_key="4c51ff52-5b4f-4f0b-9b9c-3a2b8f1f1a11",
        lines=(
            LineWish(
                variant_id=encode(VariantId, made.variants["TEA-1"]), quantity=Quantity(quantity)
            ),
        ),
        details=details,
        payments=() if paid is None else (PaymentWish(provider=paid),),
    )
    async with shop.context() as ctx:
        return await orders.place_order(ctx, wish)


async def read(shop: RunningShop, view: Table) -> list[dict[str, Any]]:
    """Return a view's rows, read as a plugin does."""
    async with shop.shop.database.reading() as db:
        return [dict(row) for row in (await db.execute(select(view))).mappings()]


def found_columns(connection: Connection, name: str) -> list[tuple[str, str]]:
    found = inspect(connection).get_columns(name)
    return [(one["name"], one["type"].__class__.__name__) for one in found]


@pytest.mark.slow
@EACH
async def test_a_view_has_the_columns_that_are_promised(shop: RunningShop, view: Table) -> None:
    async with shop.shop.database.reading() as db:
        found = await db.run_sync(found_columns, view.name)
    assert [name for name, _ in found] == [one.name for one in view.columns]


def test_every_view_that_is_promised_is_documented() -> None:
    assert [one.name for one in VIEWS] == [
        "koi_v1_member",
        "koi_v1_order",
        "koi_v1_order_adjustment",
        "koi_v1_order_line",
        "koi_v1_payment",
        "koi_v1_stock",
        "koi_v1_variant",
    ]
    assert all(one.comment and all(column.comment for column in one.c) for one in VIEWS)


def test_amounts_stand_beside_their_currency() -> None:
    for view in VIEWS:
        if any(column.name.endswith("_minor") for column in view.columns):
            assert "currency" in view.c


async def test_a_purchase_can_be_read_with_exact_amounts(shop: RunningShop) -> None:
    placed = await buy(shop, quantity=2)
    order = placed.order
    line = order.lines[0]
    now = shop.clock.now()
    (row,) = await read(shop, views.order)
    assert row == {
        "id": order.id,
        "number": order.number,
        "channel_id": order.channel_id,
        "channel": "main",
        "member_id": order.member_id,
        "state": "confirmed",
        "locale": "en",
        "currency": "EUR",
        "total_minor": 25_00,
        "placed_at": now,
        "expired_at": None,
        "updated_at": now,
        **NO_SOURCE,
    }
    (row,) = await read(shop, views.order_line)
    assert row == {
        "id": line.id,
        "order_id": order.id,
        "position": 0,
        "variant_id": line.variant_id,
        "product_id": line.product_id,
        "sku": "TEA-1",
        "name": "Green tea",
        "quantity": 2,
        "refunded_quantity": 0,
        "currency": "EUR",
        "unit_price_minor": 12_50,
        "total_minor": 25_00,
    }
    assert Money(row["total_minor"], Currency("EUR")) == order.price.line_total(line.id)
    (row,) = await read(shop, views.payment)
    assert (row["order_id"], row["provider"], row["state"]) == (order.id, "sandbox", "captured")
    amounts = ("amount_minor", "authorised_minor", "captured_minor", "refunded_minor")
    assert [row[name] for name in amounts] == [25_00, 25_00, 25_00, 0]
    assert (row["currency"], row["created_at"]) == ("EUR", now)


async def test_buyers_goods_and_stock_can_be_read(shop: RunningShop) -> None:
    placed = await buy(shop, quantity=2)
    (row,) = await read(shop, views.member)
    assert row == {
        "id": placed.order.member_id,
        "state": "guest",
        "locale": "en",
        "created_at": shop.clock.now(),
        **NO_SOURCE,
    }
    line = placed.order.lines[0]
    (row,) = await read(shop, views.variant)
    assert row == {
        "id": line.variant_id,
        "sku": "TEA-1",
        "track_stock": True,
        "product_id": line.product_id,
        "product_slug": "tea-1",
        "product_name": {"en": "Green tea"},
        "created_at": shop.clock.now(),
    }
    (row,) = await read(shop, views.stock)
    counts = {name: value for name, value in row.items() if not name.startswith("location")}
    assert counts == {
        "variant_id": line.variant_id,
        "on_hand": 5,
        "back_order": 0,
        "short": 0,
        "capacity": 5,
        "taken": 2,
    }


async def test_a_line_s_total_has_its_adjustments_and_not_shipping_or_included_tax(
    shop: RunningShop,
) -> None:
    placed = await buy(shop, quantity=1)
    line = placed.order.lines[0]
    async with shop.shop.database.writer.begin() as db:
        for amount, target, included in ((-2_50, line.id, 0), (1_99, line.id, 1), (4_90, None, 0)):
            await db.execute(
                text(
                    "INSERT INTO order_adjustment (order_id, position, line_id, stage,"
                    " amount_minor, label, origin, included)"
                    " SELECT order_id, :place, "
                    + ("line_id" if target else "NULL")
                    + ", stage, :amount, label, origin, "
                    + ("NOT included" if included else "included")
                    + " FROM order_adjustment WHERE position = 0"
                ),
                {"place": 100 + abs(amount), "amount": amount},
            )
    (row,) = await read(shop, views.order_line)
    assert row["total_minor"] == 12_50 - 2_50


async def test_nothing_by_which_a_person_is_known_is_in_any_view(shop: RunningShop) -> None:
    await buy(shop, quantity=1)
    for view in VIEWS:
        text_of_rows = repr(await read(shop, view))
        assert text_of_rows != "[]"
        assert not [one for one in PERSON if one in text_of_rows]


@pytest.mark.slow
@EACH
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {view}",
        "UPDATE {view} SET {column} = {column}",
        "INSERT INTO {view} SELECT * FROM {view}",
    ],
    ids=["delete", "update", "insert"],
)
async def test_a_view_cannot_be_written_to(shop: RunningShop, view: Table, statement: str) -> None:
    await buy(shop, quantity=1, paid=None)
    before = await shop.snapshot()
    column = list(view.columns)[-1].name
    async with shop.shop.database.writer.connect() as db:
        with pytest.raises(DBAPIError):
            await db.execute(text(statement.format(view=view.name, column=column)))
    assert await shop.snapshot() == before
