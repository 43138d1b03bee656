"""Which promotions are looked at for a cart, and at which hours they count."""

from datetime import UTC, datetime

import pytest

from koipond_promotions.rules.matching import Board, is_open
from koipond_promotions.types import (
    Conditions,
    Hours,
    PercentOff,
    Promotion,
    PromotionId,
    PromotionState,
    Rule,
    Selection,
)
from koipond_sdk import (
    CategoryId,
    ChannelId,
    Currency,
    Locale,
    OrderLineId,
    ProductId,
    VariantId,
    new_id,
)
from koipond_sdk.hooks import CartItem
from koipond_sdk.services.quotas import ReleasePolicy

CHANNEL, EUR = ChannelId(new_id()), Currency("EUR")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRODUCTS = [ProductId(new_id()) for _ in range(200)]
CATEGORIES = [CategoryId(new_id()) for _ in range(100)]


def promotion(
    selection: Selection, *, minimum: int = 0, needs_coupon: bool = False, currency: Currency = EUR
) -> Promotion:
    return Promotion(
        id=PromotionId(new_id()),
        channel_id=CHANNEL,
        currency=currency,
        name="Sale",
        label={Locale("en"): "Sale"},
        needs_coupon=needs_coupon,
        rule=Rule(
            action=PercentOff(rate_ppm=100_000),
            selection=selection,
            conditions=Conditions(minimum_minor=minimum),
        ),
        starts_at=NOW,
        ends_at=None,
        uses_max=None,
        uses_per_member=None,
        budget_minor=None,
        release_uses=ReleasePolicy.RETURN,
        release_member=ReleasePolicy.RETURN,
        state=PromotionState.LIVE,
        created_at=NOW,
    )


def item(place: int, *, unit_minor: int = 10_00, quantity: int = 1) -> CartItem:
    return CartItem(
        id=OrderLineId(new_id()),
        variant_id=VariantId(new_id()),
        product_id=PRODUCTS[place],
        category_ids=frozenset({CATEGORIES[place]}),
        quantity=quantity,
        list_minor=unit_minor,
        unit_minor=unit_minor,
    )


def test_of_a_thousand_only_those_of_what_is_in_the_cart_are_looked_at() -> None:
    live = [
        promotion(
            Selection(product_ids=(PRODUCTS[place % 200],))
            if place % 2
            else Selection(category_ids=(CATEGORIES[place % 100],))
        )
        for place in range(1_000)
    ]
    found = Board(live).find((CHANNEL, EUR), [item(2), item(3)])
    wanted = [
        one
        for place, one in enumerate(live)
        if (place % 2 and place % 200 == 3) or (not place % 2 and place % 100 == 2)
    ]
    assert sorted(one.id for one in found) == sorted(one.id for one in wanted)
    assert len(found) == 15


def test_what_is_for_all_is_looked_at_from_its_minimum_on() -> None:
    low, high = promotion(Selection(), minimum=20_00), promotion(Selection(), minimum=20_01)
    board = Board([high, low])
    assert board.find((CHANNEL, EUR), [item(0, quantity=2)]) == [low]
    assert board.find((CHANNEL, EUR), [item(0)]) == []


def test_what_needs_a_code_or_another_currency_does_not_count_by_itself() -> None:
    board = Board(
        [
            promotion(Selection(), needs_coupon=True),
            promotion(Selection(), currency=Currency("CNY")),
        ]
    )
    assert board.find((CHANNEL, EUR), [item(0)]) == []
    assert len(board.by_id) == 2


@pytest.mark.parametrize(
    ("hours", "local", "is_within"),
    [
        (Hours(from_minute=600, until_minute=720), "2026-11-22T10:00", True),
        (Hours(from_minute=600, until_minute=720), "2026-11-22T11:59", True),
        (Hours(from_minute=600, until_minute=720), "2026-11-22T12:00", False),
        # Over midnight: Sunday night is Sunday's, and Monday early still is.
        (Hours(weekdays=(7,), from_minute=1320, until_minute=120), "2026-11-22T23:00", True),
        (Hours(weekdays=(7,), from_minute=1320, until_minute=120), "2026-11-23T01:59", True),
        (Hours(weekdays=(7,), from_minute=1320, until_minute=120), "2026-11-23T02:00", False),
        (Hours(weekdays=(7,), from_minute=1320, until_minute=120), "2026-11-22T01:00", False),
        (Hours(weekdays=(1, 2)), "2026-11-22T12:00", False),
        (None, "2026-11-22T12:00", True),
    ],
)
def test_hours_are_by_the_clock_of_the_channel(
    hours: Hours | None, local: str, is_within: bool
) -> None:
    # Shanghai is eight hours ahead of UTC all year.
    instant = datetime.fromisoformat(f"{local}+08:00").astimezone(UTC)
    assert is_open(hours, instant, "Asia/Shanghai") is is_within
