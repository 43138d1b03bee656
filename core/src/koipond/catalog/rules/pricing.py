"""Price lists: what a rule beside a base price must be, and what rules quote for an item."""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime

import msgspec

from koipond.catalog.errors import PriceRuleInvalid, PriceRuleOverlaps
from koipond.catalog.types import PriceRule, PriceRuleWish, PriceTier
from koipond.kernel.clock import dates_in_words
from koipond.kernel.ids import PriceListId, PriceRuleId, VariantId, encode
from koipond.kernel.money import Money
from koipond.pricing.rules import CORE, Offered
from koipond.pricing.types import PriceItem, PriceQuote, Stage


def quotes_of_list(
    items: Iterable[PriceItem],
    tiers: Mapping[VariantId, tuple[PriceTier, ...]],
    groups: Set[str],
) -> list[Offered]:
    """Return what rules of the price list quote for items: those of their quantity and groups."""
    return [
        (
            CORE,
            PriceQuote(
                key=item.key,
                stage=Stage.TIER_PRICE,
                unit_price_minor=one.amount_minor,
                label=_label(one),
                rule=encode(PriceRuleId, one.id),
            ),
        )
        for item in items
        for one in tiers.get(item.variant_id, ())
        if one.from_quantity <= item.quantity and one.group_code in {None, *groups}
    ]


def _label(one: PriceTier) -> str:
    """Return what people of any language read: 10+, wholesale, wholesale 10+."""
    quantity = f"{one.from_quantity}+" if one.from_quantity > 1 else ""
    return " ".join(filter(None, (one.group_code or "", quantity)))


def make_rule(
    key: PriceRuleId,
    price_list_id: PriceListId,
    wish: PriceRuleWish,
    known: Iterable[PriceRule],
    *,
    quantity_max: int,
) -> PriceRule:
    """Make a rule as it is wished; one of the very same dates keeps its id, and is changed.

    known: the rules of the variant. Raises PriceRuleInvalid, PriceRuleOverlaps.
    """
    if not 1 <= wish.from_quantity <= quantity_max:
        reason = f"it is for {wish.from_quantity} units or more; 1 to {quantity_max} are bought"
        raise PriceRuleInvalid(reason=reason).located("fromQuantity")
    if wish.starts_at and wish.ends_at and wish.starts_at >= wish.ends_at:
        reason = f"it would end at {wish.ends_at.isoformat()}, before it begins"
        raise PriceRuleInvalid(reason=reason).located("endsAt")
    made = PriceRule(
        id=key,
        price_list_id=price_list_id,
        variant_id=wish.variant_id,
        from_quantity=int(wish.from_quantity),
        group_code=wish.group,
        currency=wish.price.currency,
        amount_minor=wish.price.amount_minor,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
    )
    for one in known:
        if _bought(one) != _bought(made):
            continue
        if (one.starts_at, one.ends_at) == (made.starts_at, made.ends_at):
            return msgspec.structs.replace(made, id=one.id)
        if _meet(one, made):
            raise _overlap(one)
    return made


def _bought(one: PriceRule) -> tuple[object, ...]:
    return one.price_list_id, one.variant_id, one.from_quantity, one.group_code


def _overlap(one: PriceRule) -> PriceRuleOverlaps:
    return PriceRuleOverlaps(
        rule_id=one.id,
        price=Money(one.amount_minor, one.currency),
        dates=dates_in_words(one.starts_at, one.ends_at),
    )


def _meet(one: PriceRule, other: PriceRule) -> bool:
    return _is_before(one.starts_at, other.ends_at) and _is_before(other.starts_at, one.ends_at)


def _is_before(start: datetime | None, end: datetime | None) -> bool:
    return start is None or end is None or start < end
