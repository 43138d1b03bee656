"""Refusals of flash sales."""

from datetime import datetime
from typing import ClassVar

from koipond_flashsale.types import FlashSaleRoundId
from koipond_sdk import DomainError, Money, Quantity, domain_error


@domain_error
class FlashSaleUnknown(DomainError):
    """A round that there is none of."""

    code: ClassVar[str] = "FLASH_SALE_UNKNOWN"
    round_id: FlashSaleRoundId

    def __str__(self) -> str:
        return "There is no flash sale of this id. Take one that `flashSaleSchedule` shows."


@domain_error
class FlashSaleEnded(DomainError):
    """A change of a round that is over."""

    code: ClassVar[str] = "FLASH_SALE_ENDED"
    round_id: FlashSaleRoundId
    ended_at: datetime

    def __str__(self) -> str:
        return (
            f"This flash sale was to end at {self.ended_at.isoformat()} and is over. Make another."
        )


@domain_error
class FlashSaleOverlaps(DomainError):
    """A round beside another of the same variant and channel."""

    code: ClassVar[str] = "FLASH_SALE_OVERLAPS"
    round_id: FlashSaleRoundId
    starts_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        return (
            f"This variant has a flash sale in this channel from {self.starts_at.isoformat()} "
            f"until {self.ends_at.isoformat()}. "
            "Begin after it, end before it, or end that one first."
        )


@domain_error
class FlashSalePriceTooHigh(DomainError):
    """A price that is not below the price list's."""

    code: ClassVar[str] = "FLASH_SALE_PRICE_TOO_HIGH"
    price: Money
    list_price: Money

    def __str__(self) -> str:
        return f"{self.price} is not below the price of {self.list_price}. Lower it."


@domain_error
class FlashSaleTimesInvalid(DomainError):
    """Times between which there is nothing to sell in."""

    code: ClassVar[str] = "FLASH_SALE_TIMES_INVALID"
    starts_at: datetime
    ends_at: datetime
    now: datetime

    def __str__(self) -> str:
        return (
            f"From {self.starts_at.isoformat()} until {self.ends_at.isoformat()} is no time to "
            f"come; it is {self.now.isoformat()}. Let it end after it starts, and after now."
        )


@domain_error
class FlashSaleNumberInvalid(DomainError):
    """A number out of range."""

    code: ClassVar[str] = "FLASH_SALE_NUMBER_INVALID"
    number: Quantity
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.number} does not go, from {self.minimum} to {self.maximum} does."
