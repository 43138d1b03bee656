"""Refusals about shipping, fulfilments and returns."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity, units_in_words


@domain_error
class ShippingMethodUnknown(DomainError):
    """A shipping method that this channel does not have in this currency, or none at all."""

    code: ClassVar[str] = "SHIPPING_METHOD_UNKNOWN"
    shipping_method: str
    known: str

    def __str__(self) -> str:
        asked = f"no shipping method {self.shipping_method[:40]!r}"
        return f"There is {asked} here. Choose one of: {self.known}."


@domain_error
class ShippingPlaceNotServed(DomainError):
    """A shipping method that does not go to this place."""

    code: ClassVar[str] = "SHIPPING_PLACE_NOT_SERVED"
    shipping_method: str
    place: str
    known: str

    def __str__(self) -> str:
        where = self.place or "no place in particular; give the shippingAddress"
        return f"{self.shipping_method[:40]!r} does not go to {where}. Choose one of: {self.known}."


@domain_error
class ParcelTooHeavy(DomainError):
    """A parcel that a shipping method does not take to this place. In grams."""

    code: ClassVar[str] = "PARCEL_TOO_HEAVY"
    shipping_method: str
    place: str
    grams: Quantity
    grams_most: Quantity
    known: str

    def __str__(self) -> str:
        where = f" to {self.place}" if self.place else ""
        return (
            f"{self.grams} g are too heavy for {self.shipping_method[:40]!r}: at most "
            f"{self.grams_most} g go{where} by it. Order in parts, or choose one of: {self.known}."
        )


@domain_error
class GoodsTotalTooLow(DomainError):
    """Goods that come to less than a shipping method is offered from."""

    code: ClassVar[str] = "GOODS_TOTAL_TOO_LOW"
    shipping_method: str
    goods: Money
    goods_least: Money
    known: str

    def __str__(self) -> str:
        return (
            f"{self.shipping_method[:40]!r} is offered from {self.goods_least} on, the goods come "
            f"to {self.goods}. Order more, or choose one of: {self.known}."
        )


@domain_error
class ShippingMethodInvalid(DomainError):
    """A shipping method that cannot be made."""

    code: ClassVar[str] = "SHIPPING_METHOD_INVALID"
    shipping_method: str
    reason: str

    def __str__(self) -> str:
        return f"Shipping method {self.shipping_method[:40]!r} cannot be made: {self.reason}."


@domain_error
class FulfilmentUnknown(DomainError):
    """A fulfilment that there is none of."""

    code: ClassVar[str] = "FULFILMENT_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such fulfilment. An order's `fulfilments` tell their ids."


@domain_error
class FulfilmentQuantityTooLarge(DomainError):
    """More units of a line than are left to be fulfilled, at a location or at all."""

    code: ClassVar[str] = "FULFILMENT_QUANTITY_TOO_LARGE"
    sku: str
    quantity: Quantity
    left: Quantity

    def __str__(self) -> str:
        return (
            f"{self.sku}: {self.quantity} cannot be fulfilled; {units_in_words(self.left)}. Those "
            "count that are in no fulfilment yet and held at the `location` that you named, if any."
        )


@domain_error
class NothingToFulfil(DomainError):
    """A fulfilment of nothing: all is fulfilled already."""

    code: ClassVar[str] = "NOTHING_TO_FULFIL"

    def __str__(self) -> str:
        return (
            "Every unit of the order is in a fulfilment. Cancel one that has not left to redo it."
        )


@domain_error
class FulfilmentNotShippable(DomainError):
    """A fulfilment that cannot be sent off."""

    code: ClassVar[str] = "FULFILMENT_NOT_SHIPPABLE"
    state: str
    method: str

    def __str__(self) -> str:
        return (
            f"The fulfilment is {self.state}, by {self.method}; only a pending shipment is sent "
            "off. A pick-up is made ready with `readyFulfilment`."
        )


@domain_error
class FulfilmentNotDeliverable(DomainError):
    """A fulfilment that cannot arrive."""

    code: ClassVar[str] = "FULFILMENT_NOT_DELIVERABLE"
    state: str

    def __str__(self) -> str:
        return f"The fulfilment is {self.state}; only a shipped one arrives. Ship it first."


@domain_error
class FulfilmentNotReadiable(DomainError):
    """A fulfilment that cannot be made ready to be fetched."""

    code: ClassVar[str] = "FULFILMENT_NOT_READIABLE"
    state: str
    method: str

    def __str__(self) -> str:
        return (
            f"The fulfilment is {self.state}, by {self.method}; only a pending pick-up is made "
            "ready. A shipment is sent off with `shipFulfilment`."
        )


@domain_error
class FulfilmentNotCollectable(DomainError):
    """A fulfilment that cannot be fetched; one that was fetched says so too."""

    code: ClassVar[str] = "FULFILMENT_NOT_COLLECTABLE"
    state: str

    def __str__(self) -> str:
        return (
            f"The fulfilment is {self.state}; only a ready one is fetched, and its code counts "
            "once."
        )


@domain_error
class FulfilmentNotCancellable(DomainError):
    """A fulfilment that has left the house, or is off already."""

    code: ClassVar[str] = "FULFILMENT_NOT_CANCELLABLE"
    state: str

    def __str__(self) -> str:
        return (
            f"The fulfilment is {self.state}; only one that is pending or ready can be cancelled. "
            "What has left the house comes back by a return."
        )


@domain_error
class PickUpCodeWrong(DomainError):
    """A code that is not the one of this pick-up. The attempt is counted."""

    code: ClassVar[str] = "PICK_UP_CODE_WRONG"
    attempts_left: int

    def __str__(self) -> str:
        way = (
            f"{self.attempts_left} more can be tried."
            if self.attempts_left
            else "No more can be tried: give the buyer a new one with `renewPickUpCode`."
        )
        return f"This is not the code of the pick-up. {way}"


@domain_error
class PickUpCodeLocked(DomainError):
    """A pick-up for which wrong codes were tried too often."""

    code: ClassVar[str] = "PICK_UP_CODE_LOCKED"
    attempts: int

    def __str__(self) -> str:
        return (
            f"{self.attempts} wrong codes were tried, so that none counts any more. Give the buyer "
            "a new one with `renewPickUpCode`."
        )


@domain_error
class ReturnUnknown(DomainError):
    """A return that there is none of, or that is another buyer's."""

    code: ClassVar[str] = "RETURN_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such return. An order's `returns` tell their ids."


@domain_error
class ReturnQuantityTooLarge(DomainError):
    """More units of a line than the buyer has and has not sent back."""

    code: ClassVar[str] = "RETURN_QUANTITY_TOO_LARGE"
    sku: str
    quantity: Quantity
    left: Quantity

    def __str__(self) -> str:
        return (
            f"{self.sku}: {self.quantity} cannot be sent back; {units_in_words(self.left)}. Those "
            "count that were delivered and are in no other return."
        )


@domain_error
class ReturnWindowOver(DomainError):
    """Units that were delivered too long ago to be sent back."""

    code: ClassVar[str] = "RETURN_WINDOW_OVER"
    sku: str
    days: int
    left: Quantity

    def __str__(self) -> str:
        return (
            f"{self.sku}: units are sent back within {self.days} days of their delivery; "
            f"{self.left} can be still. Ask the shop for the others."
        )


@domain_error
class ReturnEmpty(DomainError):
    """A return of nothing."""

    code: ClassVar[str] = "RETURN_EMPTY"

    def __str__(self) -> str:
        return "Say in `lines` which units are sent back, and how many of each."


@domain_error
class ReturnNotApprovable(DomainError):
    """A return that nobody asked for, or that is decided already."""

    code: ClassVar[str] = "RETURN_NOT_APPROVABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only a requested one can be approved."


@domain_error
class ReturnNotRejectable(DomainError):
    """A return that is settled, or whose units were accepted and are on their way."""

    code: ClassVar[str] = "RETURN_NOT_REJECTABLE"
    state: str

    def __str__(self) -> str:
        return (
            f"The return is {self.state}; only one that is requested can be rejected, or "
            "inspected with nothing accepted."
        )


@domain_error
class ReturnNotCancellable(DomainError):
    """A return whose units are back, or that is decided otherwise."""

    code: ClassVar[str] = "RETURN_NOT_CANCELLABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only a requested or approved one can be cancelled."


@domain_error
class ReturnNotReceivable(DomainError):
    """A return whose units are not awaited."""

    code: ClassVar[str] = "RETURN_NOT_RECEIVABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only an approved one can be received."


@domain_error
class ReturnNotInspectable(DomainError):
    """A return whose units are not there to be looked at."""

    code: ClassVar[str] = "RETURN_NOT_INSPECTABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only a received one can be inspected."


@domain_error
class ReturnNotRefundable(DomainError):
    """A return that was not inspected, or is settled."""

    code: ClassVar[str] = "RETURN_NOT_REFUNDABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only an inspected one can be refunded."


@domain_error
class ReturnNotExchangeable(DomainError):
    """A return that was not inspected, or is settled."""

    code: ClassVar[str] = "RETURN_NOT_EXCHANGEABLE"
    state: str

    def __str__(self) -> str:
        return f"The return is {self.state}; only an inspected one can be exchanged."


@domain_error
class ReturnUnitsInvalid(DomainError):
    """A count of units that a return has not as many of."""

    code: ClassVar[str] = "RETURN_UNITS_INVALID"
    sku: str
    quantity: Quantity
    maximum: int

    def __str__(self) -> str:
        return f"{self.sku}: {self.quantity} units are not possible, 0 to {self.maximum} are."


@domain_error
class ReturnLineUnknown(DomainError):
    """A line that is not in this return, or named twice."""

    code: ClassVar[str] = "RETURN_LINE_UNKNOWN"

    def __str__(self) -> str:
        return "This is no line of the return, or it stands here twice. Its `lines` tell them."


@domain_error
class NothingAccepted(DomainError):
    """A return of which the inspection accepted no unit."""

    code: ClassVar[str] = "NOTHING_ACCEPTED"

    def __str__(self) -> str:
        return "The inspection accepted no unit: nothing is given for it. Reject the return."
