"""Types of carts and orders."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import strawberry

from koipond.catalog import service as catalog
from koipond.catalog.graphql import Variant
from koipond.fulfilment.graphql import ShippingMethod
from koipond.kernel.ids import OrderId, OrderLineId, VariantId, encode
from koipond.kernel.money import Currency, Money
from koipond.kernel.schema import Info, MoneyType, Node, UserError, batch
from koipond.kernel.schema.errors import wrap_error
from koipond.order import service, types
from koipond.order.types import OrderState
from koipond.payment import rules as payment_rules
from koipond.payment import service as payment
from koipond.payment.graphql import Payment, PaymentMethod, Refund
from koipond.pricing.rules import price_at
from koipond.pricing.types import Adjustment as PricedAdjustment
from koipond.pricing.types import PricedOrder, Stage, TraceStep, Verdict

strawberry.enum(OrderState)
strawberry.enum(Stage, name="PriceStage")
strawberry.enum(Verdict, name="PriceVerdict")


@strawberry.type(description="How to reach the buyer.")
class Contact:
    name: str
    email: str | None
    phone: str | None


@strawberry.type(description="Where it goes.")
class Address:
    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str = strawberry.field(description="ISO 3166-1, two letters")


@strawberry.type(description="An amount that is a part of a line's or an order's price.")
class Adjustment:
    stage: Stage
    label: str
    origin: str = strawberry.field(description="koipond, or the plugin that added it")
    amount: MoneyType
    included: bool = strawberry.field(
        description="It is a part of the other amounts, such as tax in a price, and is not summed"
    )
    rate_ppm: int | None = strawberry.field(description="Of which share it is, in millionths")
    base: MoneyType | None = strawberry.field(description="Of what it is that share")

    @classmethod
    def of(cls, found: PricedAdjustment, currency: Currency) -> "Adjustment":
        """Wrap an adjustment."""
        return cls(
            stage=found.stage,
            label=found.label,
            origin=found.origin,
            amount=MoneyType.of(Money(found.amount_minor, currency)),
            included=found.included,
            rate_ppm=found.rate_ppm,
            base=(
                None
                if found.base_minor is None
                else MoneyType.of(Money(found.base_minor, currency))
            ),
        )


@strawberry.type(description="A step on the way to a price, also one that was not taken.")
class PriceTraceEntry:
    line_id: strawberry.ID | None = strawberry.field(description="null: of the order as a whole")
    stage: Stage
    origin: str = strawberry.field(description="koipond, or the plugin that says so")
    rule: str | None = strawberry.field(description="What the origin calls its rule")
    rule_version: int | None
    label: str
    verdict: Verdict = strawberry.field(description="WON if it counts, else why it does not")
    amount: MoneyType = strawberry.field(description="What it adds; below 0: what it takes off")
    unit_price: MoneyType | None = strawberry.field(description="Of prices of a unit")
    base: MoneyType | None = strawberry.field(description="Of what amount it was worked out")
    rate_ppm: int | None = strawberry.field(description="Of which share of it, in millionths")
    minimum: MoneyType | None = strawberry.field(description="From what on it counts")
    measured: MoneyType | None = strawberry.field(description="What there is of that")
    coupon: str | None = strawberry.field(description="The code that unlocked it")
    stack_group: str | None = strawberry.field(description="Among which others it is decided")
    priority: int | None = strawberry.field(description="The higher goes first")
    against: str | None = strawberry.field(description="The label of what it lost to")
    ends_at: datetime | None
    sentence: str = strawberry.field(description="All of it in words, English or Chinese")

    @classmethod
    def of(cls, found: TraceStep, currency: Currency) -> "PriceTraceEntry":
        """Wrap a step of a price."""

        def money(minor: int | None) -> MoneyType | None:
            return None if minor is None else MoneyType.of(Money(minor, currency))

        line = found.line_id
        return cls(
            line_id=None if line is None else strawberry.ID(encode(OrderLineId, line)),
            stage=found.stage,
            origin=found.origin,
            rule=found.rule,
            rule_version=found.rule_version,
            label=found.label,
            verdict=found.verdict,
            amount=MoneyType.of(Money(found.amount_minor, currency)),
            unit_price=money(found.unit_minor),
            base=money(found.base_minor),
            rate_ppm=found.rate_ppm,
            minimum=money(found.minimum_minor),
            measured=money(found.measured_minor),
            coupon=found.coupon,
            stack_group=found.stack_group,
            priority=found.priority,
            against=found.against,
            ends_at=found.ends_at,
            sentence=found.sentence,
        )


@strawberry.type(description="Why an order may not be sent yet.")
class OrderHold:
    name: str
    source: str = strawberry.field(description="koipond, or the plugin that holds it")
    reason: str
    placed_at: datetime


@strawberry.type(description="Something that a plugin keeps with an order or a line.")
class OrderAttribute:
    plugin: str
    name: str
    value: str

    @classmethod
    def all_of(cls, found: Mapping[str, types.Attributes]) -> "list[OrderAttribute]":
        """Wrap what plugins keep."""
        return [
            cls(plugin=plugin, name=name, value=value)
            for plugin, kept in sorted(found.items())
            for name, value in kept.items()
        ]


@strawberry.type(description="One line of a cart or an order.")
class OrderLine:
    variant_key: strawberry.Private[VariantId]
    found: strawberry.Private[types.OrderLine]
    id: strawberry.ID
    sku: str
    name: str
    quantity: int
    unit_price: MoneyType
    total: MoneyType = strawberry.field(description="All that is paid for it, with tax")
    tax: MoneyType = strawberry.field(description="Its tax: part of its price, or on top of it")
    fulfilled_quantity: int = strawberry.field(description="Units that are being sent or were")
    returned_quantity: int = strawberry.field(description="Units of those in returns")
    adjustments: list[Adjustment]
    attributes: list[OrderAttribute]

    @batch
    @staticmethod
    async def variant(parents: list["OrderLine"], info: Info) -> list[Variant | None]:
        """What was bought, as it is now; null if this channel no longer shows it."""
        keys = [parent.variant_key for parent in parents]
        found = await catalog.find_variants_by_ids(info.context, keys)
        return [
            Variant.of(found[key], info.context.scope.locales) if key in found else None
            for key in keys
        ]

    @classmethod
    def of(cls, line: types.OrderLine, price: PricedOrder) -> "OrderLine":
        """Wrap a line of a priced order."""
        own = [one for one in price.adjustments if one.line_id == line.id]
        return cls(
            variant_key=line.variant_id,
            found=line,
            id=strawberry.ID(encode(OrderLineId, line.id)),
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            fulfilled_quantity=line.fulfilled_quantity,
            returned_quantity=line.returned_quantity,
            unit_price=MoneyType.of(Money(line.unit_price_minor, price.currency)),
            total=MoneyType.of(price.line_total(line.id)),
            tax=MoneyType.of(price.line_tax(line.id)),
            adjustments=[Adjustment.of(one, price.currency) for one in own],
            attributes=OrderAttribute.all_of(line.attributes),
        )


@strawberry.type(description="A purchase; while it is a cart its state is CART.")
class Order(Node):
    found: strawberry.Private[types.Order]
    id: strawberry.ID
    number: str | None = strawberry.field(description="For people; null while a cart")
    state: OrderState
    lines: list[OrderLine]
    adjustments: list[Adjustment] = strawberry.field(
        description="What is added to the order as a whole, such as shipping"
    )
    subtotal: MoneyType = strawberry.field(
        description="The sum of the lines, without tax that comes on top"
    )
    shipping: MoneyType = strawberry.field(
        description="After its discounts, without tax that comes on top"
    )
    tax: MoneyType = strawberry.field(description="Of lines and shipping, included or on top")
    tax_included: bool = strawberry.field(
        description="The tax is part of the prices; else it is added to subtotal and shipping"
    )
    total: MoneyType
    contact: Contact | None
    shipping_address: Address | None
    shipping_method: str | None
    placed_at: datetime | None
    pay_until: datetime | None = strawberry.field(
        description="When it expires if it is not paid; null while a cart"
    )
    holds: list[OrderHold] = strawberry.field(
        description="Why it may not be sent yet; it is when there are none"
    )
    attributes: list[OrderAttribute] = strawberry.field(description="What plugins keep with it")
    problems: list[UserError] = strawberry.field(
        description="What keeps a cart from being placed as it is"
    )

    @batch
    @staticmethod
    async def available_shipping_methods(
        parents: list["Order"], info: Info
    ) -> list[list[ShippingMethod]]:
        """The shipping methods that a cart may choose from; none once it is placed."""
        locales = info.context.scope.locales
        found = []
        for parent in parents:
            goods = parent.found.price.subtotal
            prices = [
                (one, price_at(one.steps, goods.amount_minor))
                for one in parent.found.shipping_offers
            ]
            found.append(
                [
                    ShippingMethod.of(one, Money(price, goods.currency), locales)
                    for one, price in prices
                    if price is not None
                ]
            )
        return found

    @batch
    @staticmethod
    async def available_payment_methods(
        parents: list["Order"], info: Info
    ) -> list[list[PaymentMethod]]:
        """The ways in which a cart or a placed order can be paid."""
        keys = payment.provider_keys(info.context)
        payable = {OrderState.CART, OrderState.PLACED}
        return [
            [PaymentMethod(provider=key) for key in keys if parent.state in payable]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def payments(parents: list["Order"], info: Info) -> list[list[Payment]]:
        """The attempts to pay it, the oldest first."""
        keys = [parent.found.id for parent in parents]
        found = await payment.find_payments_of(info.context, keys)
        return [[Payment.of(one) for one in found[key]] for key in keys]

    @batch
    @staticmethod
    async def refunds(parents: list["Order"], info: Info) -> list[list[Refund]]:
        """What is owed back or was given back, the oldest first."""
        keys = [parent.found.id for parent in parents]
        found = await payment.find_refunds_of(info.context, keys)
        return [[Refund.of(one) for one in found[key]] for key in keys]

    @batch
    @staticmethod
    async def due(parents: list["Order"], info: Info) -> list[MoneyType]:
        """What another payment may ask for; what is being paid just now counts as paid."""
        keys = [parent.found.id for parent in parents]
        found = await payment.find_payments_of(info.context, keys)
        due = await service.find_due(info.context, [one.found for one in parents], found)
        return [MoneyType.of(due[key]) for key in keys]

    @batch
    @staticmethod
    async def paid(parents: list["Order"], info: Info) -> list[MoneyType]:
        """What the shop holds for it: what was captured less what was given back."""
        keys = [parent.found.id for parent in parents]
        found = await payment.find_payments_of(info.context, keys)
        return [
            MoneyType.of(payment_rules.paid(found[one.found.id], one.found.price.currency))
            for one in parents
        ]

    @batch
    @staticmethod
    async def price_trace(parents: list["Order"], info: Info) -> list[list[PriceTraceEntry]]:
        """Why its price is what it is: every step, in order, those that do not count too."""
        locales = info.context.scope.locales
        return [
            [
                PriceTraceEntry.of(step, one.found.price.currency)
                for step in service.explain_price(one.found, locales)
            ]
            for one in parents
        ]

    @property
    def is_cart(self) -> bool:
        """Tell whether it is still a cart."""
        return self.state is OrderState.CART

    @classmethod
    def of(cls, found: types.Order) -> "Order":
        """Wrap a cart or an order."""
        price, details = found.price, found.details
        whole = [one for one in price.adjustments if one.line_id is None]
        return cls(
            found=found,
            id=strawberry.ID(encode(OrderId, found.id)),
            number=found.number,
            state=found.state,
            lines=[OrderLine.of(line, price) for line in found.lines],
            adjustments=[Adjustment.of(one, price.currency) for one in whole],
            subtotal=MoneyType.of(price.subtotal),
            shipping=MoneyType.of(price.shipping),
            tax=MoneyType.of(price.tax),
            tax_included=price.tax_included,
            total=MoneyType.of(price.total),
            contact=_contact(details),
            shipping_address=_address(details),
            shipping_method=details.shipping_method,
            placed_at=found.placed_at,
            pay_until=found.pay_until,
            holds=[OrderHold(**msgspec.structs.asdict(one)) for one in found.holds],
            attributes=OrderAttribute.all_of(found.attributes),
            problems=_problems(found),
        )


def _contact(details: types.CheckoutDetails) -> Contact | None:
    known = details.contact
    return Contact(name=known.name, email=known.email, phone=known.phone) if known else None


def _address(details: types.CheckoutDetails) -> Address | None:
    known = details.shipping_address
    return Address(**msgspec.structs.asdict(known)) if known else None


def _problems(found: types.Order) -> list[UserError]:
    return [wrap_error(problem) for problem in found.problems]
