"""Zones and shipping methods of the settings are made once, and what cannot be is refused first."""

import pytest

from koipond.channel.errors import ZoneInvalid, ZoneUnknown
from koipond.channel.service import check_zones, ensure_zones
from koipond.channel.types import Place
from koipond.fulfilment.errors import ShippingMethodInvalid
from koipond.fulfilment.service import check_methods, ensure_methods, find_methods
from koipond.fulfilment.types import ShippingRate
from koipond.kernel.money import Currency
from koipond.settings import (
    ChannelSettings,
    RoundingSettings,
    ShippingRateSettings,
    ShippingSettings,
    ZoneSettings,
)
from koipond_sdk.testing import STAFF, running_shop

EUR = Currency("EUR")
ZONE = ZoneSettings(code="de", name="Germany", places=("DE",))


def channel(*rates: ShippingRateSettings, **prices: str) -> ChannelSettings:
    post = ShippingSettings(code="post", name={"en": "Post"}, prices=prices, rates=rates)
    return ChannelSettings(
        code="eu",
        name="Europe",
        currencies=("EUR",),
        locales=("en",),
        country="de",
        prices_include_tax=False,
        rounding={"EUR": RoundingSettings(mode="half_even", per_unit=True)},
        shipping=(post,),
    )


RATE = ShippingRateSettings(
    currency="EUR", price="4.90", zone="de", grams_max=2_000, free_from="50"
)


async def test_what_the_settings_say_is_made_once(database_url: str) -> None:
    made = channel(RATE, EUR="15.00")
    async with running_shop(database_url, channels=(made,), zones=(ZONE,)) as shop:
        async with shop.context(viewer=STAFF, channel="eu") as ctx:
            assert [one.places for one in await ensure_zones(ctx)] == [(Place("DE"),)]
            assert [one.code for one in await ensure_methods(ctx)] == ["post"]
            before = await shop.snapshot()
            assert (await ensure_zones(ctx), await ensure_methods(ctx)) == ([], [])
            (post,) = await find_methods(ctx, "eu")
            scope = ctx.scope
        assert await shop.snapshot() == before
    assert post.rates == (
        ShippingRate(currency=EUR, amount_minor=15_00),
        ShippingRate(
            currency=EUR,
            amount_minor=4_90,
            zone_code="de",
            grams_max=2_000,
            free_from_minor=50_00,
        ),
    )
    assert (scope.country, scope.prices_include_tax) == ("DE", False)
    assert (scope.rounding.rounding, scope.rounding.per_unit) == ("half_even", True)


async def test_a_rate_of_a_zone_that_there_is_none_of_is_refused(database_url: str) -> None:
    async with running_shop(database_url, channels=(channel(RATE),)) as shop:
        before = await shop.snapshot()
        async with shop.context(viewer=STAFF) as ctx:
            with pytest.raises(ZoneUnknown, match="There are: none"):
                await ensure_methods(ctx)
        assert await shop.snapshot() == before


def test_what_cannot_be_made_is_refused_before_there_is_a_database() -> None:
    with pytest.raises(ShippingMethodInvalid):
        check_methods([channel(RATE, RATE)])
    with pytest.raises(ZoneInvalid):
        check_zones([ZoneSettings(code="de", name="Germany", places=("Germany",))])
