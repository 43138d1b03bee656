"""Mutations of carts and orders: read the input, call one use-case, wrap what it gives."""

from collections.abc import Sequence
from typing import Self

import strawberry

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import AddressId, OrderId, decode
from koipond.kernel.inputs import Level, keep
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    PUBLIC,
    Choices,
    Info,
    MoneyInput,
    UserError,
    mutation,
    takes_plugins,
)
from koipond.kernel.schema.errors import wrap_error
from koipond.member import service as members
from koipond.member.graphql import AddressInput, SourceInput
from koipond.member.rules import normalise_contact
from koipond.member.types import Contact
from koipond.order import service, types
from koipond.order.errors import AddressAmbiguous
from koipond.order.graphql.types import Order


def read_money(given: MoneyInput | None) -> Money | None:
    """Return an amount as it was given. Raises CurrencyUnknown, AmountInvalid."""
    return None if given is None else given.read()


@strawberry.input(description="At least one of email and phone.")
class ContactInput:
    name: str = ""
    email: str | None = None
    phone: str | None = None

    def read(self) -> Contact:
        """Return the contact in the form in which it is kept. Raises ContactInvalid."""
        return normalise_contact(name=self.name, email=self.email, phone=self.phone)


@takes_plugins(Level.LINE)
@strawberry.input
class AddToCartInput:
    variant_id: strawberry.ID
    quantity: Quantity = Quantity(1)
    token: str | None = strawberry.field(default=None, description="None begins a new cart")
    plugins: strawberry.Private[Choices | None] = None


@takes_plugins(Level.LINE)
@strawberry.input
class UpdateCartLineInput:
    token: str
    line_id: strawberry.ID
    quantity: Quantity = strawberry.field(description="0 takes the line out")
    plugins: strawberry.Private[Choices | None] = None


@takes_plugins(Level.ORDER)
@strawberry.input
class SetCheckoutInput:
    token: str
    contact: ContactInput | None = None
    shipping_address: AddressInput | None = None
    address_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of the member's own, instead of `shippingAddress`"
    )
    shipping_method: str | None = None
    coupon_codes: list[str] | None = strawberry.field(
        default=None, description="In the place of those given before; [] takes them away"
    )
    source: SourceInput | None = None
    plugins: strawberry.Private[Choices | None] = None


@takes_plugins(Level.LINE)
@strawberry.input
class OrderLineInput:
    variant_id: strawberry.ID
    quantity: Quantity = Quantity(1)
    plugins: strawberry.Private[Choices | None] = None


@strawberry.input
class PaymentDataInput:
    key: str
    value: str


@strawberry.input
class PaymentInput:
    provider: str
    amount: MoneyInput | None = strawberry.field(
        default=None, description="None: all that is due then"
    )
    data: list[PaymentDataInput] = strawberry.field(
        default_factory=list, description="What the provider's own form gave"
    )

    def read(self) -> types.PaymentWish:
        """Return how to pay. Raises CurrencyUnknown, AmountInvalid."""
        data = {one.key: one.value for one in self.data}
        return types.PaymentWish(provider=self.provider, amount=read_money(self.amount), data=data)


@takes_plugins(Level.ORDER)
@strawberry.input(description="A cart by its token, or lines; what the cart knows may be left out.")
class PlaceOrderInput:
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key happens once. A guest's is a UUID."
    )
    token: str | None = None
    lines: list[OrderLineInput] | None = None
    contact: ContactInput | None = None
    shipping_address: AddressInput | None = None
    address_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of the member's own, instead of `shippingAddress`"
    )
    shipping_method: str | None = None
    coupon_codes: list[str] | None = strawberry.field(
        default=None, description="In the place of those given before; [] takes them away"
    )
    payment: list[PaymentInput] | None = strawberry.field(
        default=None,
        description="One or several, which are taken in this order; the last may leave its amount "
        "out, and takes the rest",
    )
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="What the buyer has seen; another total is refused"
    )
    source: SourceInput | None = None
    plugins: strawberry.Private[Choices | None] = None


@strawberry.input
class PayOrderInput:
    order_id: strawberry.ID
    provider: str
    idempotency_key: str
    token: str | None = None
    amount: MoneyInput | None = strawberry.field(default=None, description="None: all that is due")
    data: list[PaymentDataInput] = strawberry.field(default_factory=list)


@strawberry.input
class CancelOrderInput:
    order_id: strawberry.ID
    token: str | None = None
    reason: str = ""


@strawberry.type
class OrderPayload:
    order: Order | None = None
    token: str | None = strawberry.field(
        default=None, description="Keep it: who holds it is the buyer"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def of(cls, placed: types.Placed) -> Self:
        """Wrap what a use-case gave."""
        errors = [wrap_error(placed.refusal)] if placed.refusal is not None else []
        return cls(order=Order.of(placed.order), token=placed.token, user_errors=errors)


@strawberry.type
class AddToCartPayload(OrderPayload):
    pass


@strawberry.type
class UpdateCartLinePayload(OrderPayload):
    pass


@strawberry.type
class SetCheckoutPayload(OrderPayload):
    pass


@strawberry.type
class PlaceOrderPayload(OrderPayload):
    pass


@strawberry.type
class PayOrderPayload(OrderPayload):
    pass


@strawberry.type
class CancelOrderPayload(OrderPayload):
    pass


@strawberry.type
class OrderMutations:
    @mutation(PUBLIC)
    async def add_to_cart(self, info: Info, input: AddToCartInput) -> AddToCartPayload:
        """Put units of a variant into a cart; the payload's token opens it from now on."""
        wish = _line(input)
        done = await service.add_to_cart(info.context, wish, token=input.token)
        return AddToCartPayload.of(done)

    @mutation(PUBLIC)
    async def update_cart_line(
        self,
        info: Info,
        input: UpdateCartLineInput,
    ) -> UpdateCartLinePayload:
        """Set how many units a line of a cart has."""
        done = await service.update_cart_line(
            info.context,
            token=input.token,
            line_id=input.line_id,
            quantity=input.quantity,
            inputs=None if input.plugins is None else input.plugins.read(),
        )
        return UpdateCartLinePayload.of(done)

    @mutation(PUBLIC)
    async def set_checkout(self, info: Info, input: SetCheckoutInput) -> SetCheckoutPayload:
        """Tell a cart who buys, where it goes and how."""
        details = await _details(info, input)
        done = await service.set_checkout(info.context, details, token=input.token)
        return SetCheckoutPayload.of(done)

    @mutation(PUBLIC)
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderPayload:
        """Place a cart, or lines, as an order, and pay it at once if `payment` is given."""
        wish = types.OrderWish(
            idempotency_key=input.idempotency_key,
            token=input.token,
            lines=None if input.lines is None else _lines(input.lines),
            details=await _details(info, input),
            payments=tuple(one.read() for one in input.payment or ()),
            expected_total=read_money(input.expected_total),
        )
        return PlaceOrderPayload.of(await service.place_order(info.context, wish))

    @mutation(PUBLIC)
    async def pay_order(self, info: Info, input: PayOrderInput) -> PayOrderPayload:
        """Pay what is due of a placed order, or a part of it."""
        given = PaymentInput(provider=input.provider, amount=input.amount, data=input.data)
        wish = given.read()
        done = await service.pay_order(
            info.context,
            decode(OrderId, input.order_id),
            wish,
            token=input.token,
            idempotency_key=input.idempotency_key,
        )
        return PayOrderPayload.of(done)

    @mutation(PUBLIC)
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderPayload:
        """Cancel an order; what was paid is given back."""
        done = await service.cancel_order(
            info.context,
            decode(OrderId, input.order_id),
            token=input.token,
            reason=input.reason,
        )
        return CancelOrderPayload.of(done)


async def _details(info: Info, given: SetCheckoutInput | PlaceOrderInput) -> types.CheckoutDetails:
    """Return what was given.

    Raises AddressAmbiguous, AddressUnknown, IdInvalid and what is wrong with a contact.
    """
    contact, address = given.contact, given.shipping_address
    kept = None
    if given.address_id is not None:
        if address is not None:
            raise AddressAmbiguous
        key = decode(AddressId, given.address_id)
        kept = (await members.get_own_address(info.context, key)).address
    return types.CheckoutDetails(
        contact=None if contact is None else contact.read(),
        shipping_address=kept if address is None else address.read(),
        shipping_method=given.shipping_method,
        coupon_codes=None if given.coupon_codes is None else tuple(given.coupon_codes),
        inputs=None if given.plugins is None else keep(given.plugins.read()),
        source=None if given.source is None else given.source.read(),
    )


def _lines(given: Sequence[OrderLineInput]) -> tuple[types.LineWish, ...]:
    wishes = []
    for place, line in enumerate(given):
        try:
            wishes.append(_line(line))
        except DomainError as error:
            raise error.located(f"lines.{place}.{error.at}") from None
    return tuple(wishes)


def _line(given: AddToCartInput | OrderLineInput) -> types.LineWish:
    """Return a line as it is wished. Raises what plugins refuse of their inputs."""
    return types.LineWish(
        variant_id=given.variant_id,
        quantity=given.quantity,
        inputs={} if given.plugins is None else given.plugins.read(),
    )
