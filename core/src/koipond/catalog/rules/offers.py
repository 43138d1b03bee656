"""What a unit costs by the activities and quotes that there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from koipond.catalog.types import Activity, Offer
from koipond.kernel.ids import VariantId
from koipond.kernel.money import Money
from koipond.kernel.texts import Locale, pick
from koipond.pricing.rules import CORE, Offered, choose_unit_price
from koipond.pricing.types import PriceItem, PriceQuote, PriceRequest, Stage, UnitPrice

Activities = Mapping[VariantId, Sequence[Activity]]


def price_items(
    request: PriceRequest,
    activities: Activities,
    quotes: Iterable[Offered],
    locales: Sequence[Locale],
) -> dict[UUID, UnitPrice]:
    """Return {item's key: what one unit costs}; quotes for what was not asked are passed over."""
    of_item: dict[UUID, list[Offered]] = defaultdict(list)
    for origin, quote in quotes:
        of_item[quote.key].append((origin, quote))
    return {
        item.key: choose_unit_price(
            item.list_minor,
            [
                *of_item[item.key],
                *_quotes_of(item, activities.get(item.variant_id, ()), locales),
            ],
        )
        for item in request.items
    }


def make_offers(
    request: PriceRequest,
    activities: Activities,
    quotes: Iterable[Offered],
    locales: Sequence[Locale],
) -> dict[VariantId, Offer]:
    """Return {variant: what a viewer pays for one}."""
    priced = price_items(request, activities, quotes, locales)
    return {item.variant_id: _offer(priced[item.key], request) for item in request.items}


def _offer(unit: UnitPrice, request: PriceRequest) -> Offer:
    last = next(reversed(unit.won), None)
    lower = unit.unit_minor < unit.list_minor
    return Offer(
        price=Money(unit.unit_minor, request.currency),
        was=Money(unit.list_minor, request.currency) if lower else None,
        origin=last.origin if last is not None else CORE,
        ends_at=last.ends_at if last is not None else None,
    )


def _quotes_of(
    item: PriceItem, activities: Sequence[Activity], locales: Sequence[Locale]
) -> list[Offered]:
    """Return what activities quote for an item; what is sold by choice only if it is chosen."""
    return [
        (
            one.plugin,
            PriceQuote(
                key=item.key,
                stage=Stage.ACTIVITY,
                unit_price_minor=one.unit_price_minor,
                label=pick(one.label, locales),
                rule=one.rule,
                ends_at=one.ends_at,
                chosen=one.id == item.chosen,
                activity_id=one.id,
            ),
        )
        for one in activities
        if not one.by_choice or one.id == item.chosen
    ]
