"""What an order may become, and what it takes to place one."""

from collections.abc import Iterable, Mapping, Sequence, Set
from uuid import UUID

import msgspec

from koipond.catalog.errors import VariantNotPriced, VariantUnknown
from koipond.catalog.types import Activity, Sellable
from koipond.kernel.errors import DomainError, PluginDisabled
from koipond.kernel.ids import ActivityId, OrderLineId, VariantId, encode
from koipond.kernel.inputs import ChosenInputs, InputTypes, KeptInputs, Level, chosen_activity
from koipond.kernel.money import MAX_MINOR, Currency, Money, RoundingPolicy
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale, pick
from koipond.member.rules import check_address
from koipond.order.errors import (
    CartEmpty,
    CheckoutIncomplete,
    PluginInputStale,
    QuantityOutOfRange,
    QuoteChanged,
    TooManyLines,
    TotalTooLarge,
)
from koipond.order.types import (
    CartLine,
    CheckoutDetails,
    ChosenByBuyer,
    OrderLine,
    OrderState,
)
from koipond.pricing.rules import Proposed, price_order
from koipond.pricing.types import (
    GiftPrice,
    PricedOrder,
    PriceItem,
    QuoteLine,
    ShippingCost,
    TaxTable,
    UnitPrice,
)

ORDER_MOVES: Mapping[OrderState, Set[OrderState]] = {
    OrderState.CART: {OrderState.PLACED},
    OrderState.PLACED: {OrderState.CONFIRMED, OrderState.CANCELLED, OrderState.EXPIRED},
    OrderState.CONFIRMED: {OrderState.CLOSED, OrderState.CANCELLED},
    OrderState.EXPIRED: {OrderState.CONFIRMED},
    OrderState.CLOSED: set(),
    OrderState.CANCELLED: set(),
}

# Capitals and digits without those that are mistaken for each other.
_NUMBER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
NUMBER_LENGTH = 11


def check_quantity(quantity: Quantity, *, minimum: int, maximum: int) -> int:
    """Return `quantity` if it lies in the range. Raises QuantityOutOfRange."""
    if not minimum <= quantity <= maximum:
        raise QuantityOutOfRange(quantity=quantity, minimum=minimum, maximum=maximum)
    return quantity


def put_in(
    lines: Sequence[CartLine], new: CartLine, *, quantity_max: int, lines_max: int
) -> tuple[CartLine, ...]:
    """Return the lines with `new` among them; a line of its variant and inputs takes up its units.

    Raises QuantityOutOfRange, TooManyLines.
    """
    merged = []
    rest: CartLine | None = new
    for line in lines:
        if rest is not None and _are_alike(line, new):
            both = Quantity(line.quantity + new.quantity)
            quantity = check_quantity(both, minimum=1, maximum=quantity_max)
            merged.append(msgspec.structs.replace(line, quantity=quantity))
            rest = None
        else:
            merged.append(line)
    merged += [rest] if rest is not None else []
    if len(merged) > lines_max:
        raise TooManyLines(lines=len(merged), maximum=lines_max)
    return tuple(merged)


def change_line(
    lines: Sequence[CartLine], changed: CartLine, *, quantity_max: int
) -> tuple[CartLine, ...]:
    """Return the lines with `changed` in the place of the one with its id.

    0 units take it out; if it has become like another line, that takes up its units.
    Raises QuantityOutOfRange.
    """
    others = [line for line in lines if line.id != changed.id]
    if changed.quantity == 0:
        return tuple(others)
    if any(_are_alike(line, changed) for line in others):
        return put_in(others, changed, quantity_max=quantity_max, lines_max=len(lines))
    return tuple(changed if line.id == changed.id else line for line in lines)


def merge_details(known: CheckoutDetails, given: CheckoutDetails) -> CheckoutDetails:
    """Return what is known with what was given now laid over it."""
    return CheckoutDetails(
        contact=given.contact or known.contact,
        shipping_address=given.shipping_address or known.shipping_address,
        shipping_method=given.shipping_method or known.shipping_method,
        coupon_codes=known.coupon_codes if given.coupon_codes is None else given.coupon_codes,
        inputs=known.inputs if given.inputs is None else given.inputs,
        source=given.source or known.source,
    )


def check_details(given: CheckoutDetails) -> CheckoutDetails:
    """Return what was given, in the form in which it is kept. Raises AddressInvalid."""
    address, codes = given.shipping_address, given.coupon_codes
    if codes is not None:
        # Each once, without the spaces that came along with it.
        codes = tuple(dict.fromkeys(code for code in map(str.strip, codes) if code))
    return msgspec.structs.replace(
        given,
        shipping_address=None if address is None else check_address(address),
        coupon_codes=codes,
    )


def find_problems(
    lines: Sequence[CartLine], sellables: Mapping[VariantId, Sellable], currency: Currency
) -> list[DomainError]:
    """Return why lines cannot be sold, in their order; each says at which line."""
    problems: list[DomainError] = []
    for place, line in enumerate(lines):
        found = sellables.get(line.variant_id)
        if found is None:
            unknown = VariantUnknown(variant_id=encode(VariantId, line.variant_id))
            problems.append(unknown.located(_variant_at(place)))
        elif found.price_minor is None:
            unpriced = VariantNotPriced(sku=found.sku, currency=currency)
            problems.append(unpriced.located(_variant_at(place)))
    return problems


def find_problems_of(
    variant_id: VariantId, lines: Sequence[CartLine], problems: Sequence[DomainError]
) -> list[DomainError]:
    """Return those of a cart's problems that keep this variant of it from being sold at all."""
    places = {_variant_at(place) for place, one in enumerate(lines) if one.variant_id == variant_id}
    return [problem for problem in problems if problem.at in places]


def _variant_at(place: int) -> str:
    return f"lines.{place}.variantId"


def read_inputs(
    lines: Sequence[CartLine],
    details: CheckoutDetails,
    types: InputTypes,
    *,
    channel: str,
    off: Set[str] = frozenset(),
) -> tuple[ChosenByBuyer, list[DomainError]]:
    """Return what the buyer told plugins, and why some of it does not count; each says where.

    off: the plugins that are off in the channel.
    """
    problems: list[DomainError] = []

    def read(level: Level, kept: KeptInputs, field: str) -> ChosenInputs:
        found, stale = types.read(level, {name: kept[name] for name in kept if name not in off})
        closed = [PluginDisabled(plugin=name, channel=channel) for name in kept if name in off]
        strange = [PluginInputStale(plugin=name) for name in stale]
        problems.extend(one.located(field) for one in [*closed, *strange])
        return found

    order = read(Level.ORDER, details.inputs or {}, "plugins")
    of_lines = {
        line.id: read(Level.LINE, line.inputs, f"lines.{place}.plugins")
        for place, line in enumerate(lines)
        if line.inputs
    }
    return ChosenByBuyer(order=order, lines=of_lines), problems


def price_items_of(
    lines: Sequence[CartLine],
    sellables: Mapping[VariantId, Sellable],
    chosen: Mapping[OrderLineId, ChosenInputs],
) -> tuple[PriceItem, ...]:
    """Return those of `lines` that have a price here, as what asks for unit prices.

    chosen: what the buyer told plugins of lines, such as by which activity they are to be sold.
    """
    items = []
    for line in lines:
        found = sellables.get(line.variant_id)
        if found is not None and found.price_minor is not None:
            items.append(
                PriceItem(
                    key=line.id,
                    variant_id=line.variant_id,
                    product_id=found.product_id,
                    quantity=line.quantity,
                    list_minor=found.price_minor,
                    chosen=chosen_activity(chosen.get(line.id, {})),
                )
            )
    return tuple(items)


def make_lines(
    lines: Sequence[CartLine],
    sellables: Mapping[VariantId, Sellable],
    units: Mapping[UUID, UnitPrice],
    locales: Sequence[Locale],
) -> tuple[OrderLine, ...]:
    """Return those of `lines` that can be sold, with names for the buyer.

    units: {line: what a unit of it costs}, of those that have a price.
    """
    return tuple(
        OrderLine(
            id=line.id,
            variant_id=line.variant_id,
            product_id=sellables[line.variant_id].product_id,
            sku=sellables[line.variant_id].sku,
            name=line_name(sellables[line.variant_id], locales),
            quantity=line.quantity,
            unit_price_minor=units[line.id].unit_minor,
            tracked=sellables[line.variant_id].track_stock,
            activity_id=units[line.id].activity_id,
        )
        for line in lines
        if line.id in units
    )


def find_used(
    lines: Iterable[OrderLine], activities: Mapping[VariantId, Sequence[Activity]]
) -> dict[ActivityId, Activity]:
    """Return {id: activity} of those that lines are sold by."""
    wanted = {line.activity_id for line in lines}
    return {one.id: one for some in activities.values() for one in some if one.id in wanted}


def price_lines(
    lines: Sequence[OrderLine],
    units: Mapping[UUID, UnitPrice],
    sellables: Mapping[VariantId, Sellable],
    *,
    currency: Currency,
    locales: Sequence[Locale],
    rounding: RoundingPolicy = RoundingPolicy(),  # noqa: B008  # frozen
    shipping: ShippingCost | None = None,
    tax: TaxTable | None = None,
    proposed: Sequence[Proposed] = (),
) -> PricedOrder:
    """Price an order's lines, its shipping, if a method is chosen, what plugins propose, and tax.

    sellables: of the lines, and of what plugins would give.
    """
    wanted = [
        QuoteLine(
            id=line.id,
            quantity=line.quantity,
            unit=units[line.id],
            label=line.name,
            tax_category=sellables[line.variant_id].tax_category,
        )
        for line in lines
    ]
    gifts = {
        key: GiftPrice(label=line_name(found, locales), list_minor=found.price_minor)
        for key, found in sellables.items()
        if found.price_minor is not None
    }
    return price_order(
        wanted,
        currency=currency,
        proposed=proposed,
        gifts=gifts,
        shipping=shipping,
        tax=tax,
        rounding=rounding,
    )


def check_complete(
    lines: Sequence[OrderLine], details: CheckoutDetails, *, needs_address: bool
) -> None:
    """Raise CartEmpty or CheckoutIncomplete if an order cannot be placed yet."""
    if not lines:
        raise CartEmpty
    missing = []
    if details.contact is None:
        missing.append("contact")
    if needs_address and details.shipping_address is None:
        missing.append("shippingAddress")
    if missing:
        raise CheckoutIncomplete(missing=", ".join(missing))


def check_total(price: PricedOrder, expected: Money | None) -> None:
    """Raise QuoteChanged if the buyer has seen another total, or one in another currency.

    Raises TotalTooLarge if a sum of some of its amounts is more than a column holds.
    """
    check_sums(price)
    if expected is not None and expected != price.total:
        raise QuoteChanged(expected=expected, total=price.total)


def check_sums(price: PricedOrder) -> None:
    """Raise TotalTooLarge if a sum of some amounts of a price is more than a column holds.

    What is added is the largest such sum: never is more taken off than that.
    """
    added = sum(one.amount_minor for one in price.adjustments if one.amount_minor > 0)
    if added > MAX_MINOR:
        raise TotalTooLarge(
            total=Money(added, price.currency), most=Money(MAX_MINOR, price.currency)
        )


def make_number(drawn: Sequence[int]) -> str:
    """Return an order's number of NUMBER_LENGTH random bytes: that many characters and a check.

    The check is Luhn's algorithm modulo 32: every single wrong character and nearly every swap of
    two neighbours is noticed.
    """
    assert len(drawn) == NUMBER_LENGTH
    digits = [one % 32 for one in drawn]
    return "".join(_NUMBER_ALPHABET[digit] for digit in [*digits, _check_digit(digits)])


def is_number(text: str) -> bool:
    """Tell whether `text` can be an order's number, by its length, characters and check."""
    digits = [_NUMBER_ALPHABET.find(character) for character in text]
    if len(digits) != NUMBER_LENGTH + 1 or min(digits) < 0:
        return False
    return _check_digit(digits[:-1]) == digits[-1]


def _are_alike(one: CartLine, other: CartLine) -> bool:
    return (one.variant_id, one.inputs) == (other.variant_id, other.inputs)


def _check_digit(digits: Sequence[int]) -> int:
    size = len(_NUMBER_ALPHABET)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled // size + doubled % size
    return -total % size


def line_name(found: Sellable, locales: Sequence[Locale]) -> str:
    """Return what a line of a variant is called."""
    name = pick(found.name, locales)
    values = [pick(option.value, locales) for option in found.options]
    full = f"{name}, {' / '.join(values)}" if values else name
    return full[:500]
