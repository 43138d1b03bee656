"""How a purchase can be sent, and what is taxed where it goes."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from koipond.catalog.types import Sellable
from koipond.channel.types import Place
from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import (
    GoodsTotalTooLow,
    ParcelTooHeavy,
    ShippingMethodUnknown,
    ShippingPlaceNotServed,
)
from koipond.fulfilment.types import FulfilmentMethod, Parcel, ShippingOffer
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import VariantId
from koipond.kernel.money import Money
from koipond.kernel.texts import pick
from koipond.order.types import CartLine, CheckoutDetails
from koipond.pricing.types import ShippingCost, TaxTable
from koipond.tax import service as tax


class Rated(Struct, frozen=True, kw_only=True):
    """What is known of a purchase by its weight and by where it goes.

    ships: the channel has methods in the currency, so one must be chosen. offers: those that take
    the parcel. cost: of the chosen one. problem: why the chosen one cannot be.
    """

    parcel: Parcel
    ships: bool = False
    offers: tuple[ShippingOffer, ...] = ()
    chosen: ShippingOffer | None = None
    cost: ShippingCost | None = None
    problem: DomainError | None = None
    tax: TaxTable | None = None

    @property
    def needs_address(self) -> bool:
        """Whether it is sent somewhere: it is not fetched."""
        fetched = self.chosen is not None and self.chosen.method is FulfilmentMethod.PICK_UP
        return self.ships and not fetched

    def find_problems(self, goods: Money) -> list[DomainError]:
        """Return why goods of a total cannot go as it was chosen; nothing if they can."""
        if self.problem is not None:
            return [self.problem]
        try:
            if self.chosen is not None:
                fulfilment_rules.check_goods(self.chosen, self.offers, goods)
        except GoodsTotalTooLow as error:
            return [error.located("shippingMethod")]
        return []


async def rate(
    ctx: Context,
    lines: Sequence[CartLine],
    details: CheckoutDetails,
    sellables: Mapping[VariantId, Sellable],
    *,
    earlier: Rated | None,
) -> Rated:
    """Return how lines can be sent and what is taxed, by the address or the channel's home.

    earlier: what it was before. Where there was neither shipping nor tax, none is looked for.
    """
    parcel = _parcel(ctx, lines, details, sellables)
    if earlier is not None and not earlier.ships and earlier.tax is None:
        return Rated(parcel=parcel, problem=earlier.problem)
    found = await fulfilment.find_rules(ctx)
    methods = found.methods.get(ctx.scope.channel_id, ())
    chosen: ShippingOffer | None = None
    problem: DomainError | None = None
    try:
        chosen = fulfilment_rules.choose_method(
            methods, found.zones, parcel, details.shipping_method
        )
    except (ShippingMethodUnknown, ShippingPlaceNotServed, ParcelTooHeavy) as error:
        problem = error.located("shippingMethod")
    return Rated(
        parcel=parcel,
        ships=fulfilment_rules.ships(methods, parcel),
        offers=tuple(fulfilment_rules.offered(methods, found.zones, parcel)),
        chosen=chosen,
        cost=None if chosen is None else _cost(ctx, chosen),
        problem=problem,
        tax=await tax.find_table(
            ctx, parcel.place if chosen is None else parcel.place_by(chosen.method)
        ),
    )


def _parcel(
    ctx: Context,
    lines: Sequence[CartLine],
    details: CheckoutDetails,
    sellables: Mapping[VariantId, Sellable],
) -> Parcel:
    address, home = details.shipping_address, Place(ctx.scope.country, ctx.scope.region)
    place = home if address is None else Place(address.country, address.region)
    weights = {key: one.grams or 0 for key, one in sellables.items()}
    grams = sum(weights.get(line.variant_id, 0) * line.quantity for line in lines)
    return Parcel(currency=ctx.scope.currency, place=place, home=home, grams=grams)


def _cost(ctx: Context, chosen: ShippingOffer) -> ShippingCost:
    label = pick(chosen.name, ctx.scope.locales)
    return ShippingCost(rule=chosen.code, label=label, steps=chosen.steps)
