"""Refusals of promotions, and of what staff do with coupons."""

from datetime import datetime
from typing import ClassVar

from koipond_promotions.types import PromotionId
from koipond_sdk import DomainError, Money, Quantity, domain_error


@domain_error
class PromotionUsedUp(DomainError):
    """A promotion that others used up while this order was placed."""

    code: ClassVar[str] = "PROMOTION_USED_UP"
    promotion: str
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        return (
            f"{self.promotion!r} is used up: {self.asked} asked for, {self.left} left. "
            "Look at the cart again: it shows the price without it."
        )


@domain_error
class PromotionChanged(DomainError):
    """A promotion that was changed, paused or ended while this order was placed."""

    code: ClassVar[str] = "PROMOTION_CHANGED"
    promotion: str

    def __str__(self) -> str:
        return f"{self.promotion!r} has just changed. Look at the cart again: it shows the price."


@domain_error
class PromotionUnknown(DomainError):
    """A promotion that there is none of."""

    code: ClassVar[str] = "PROMOTION_UNKNOWN"
    promotion_id: PromotionId

    def __str__(self) -> str:
        return "There is no promotion of this id. Take one that `promotions` shows."


@domain_error
class PromotionVersionOld(DomainError):
    """A change of a promotion that somebody else has changed meanwhile."""

    code: ClassVar[str] = "PROMOTION_VERSION_OLD"
    given_version: int
    version: int

    def __str__(self) -> str:
        return (
            f"This promotion is at version {self.version}, and the change is of version "
            f"{self.given_version}. Read it again, and repeat the change if it still fits."
        )


@domain_error
class PromotionNotMovable(DomainError):
    """A move that a promotion in this state does not make."""

    code: ClassVar[str] = "PROMOTION_NOT_MOVABLE"
    state: str
    target: str

    def __str__(self) -> str:
        return f"A promotion that is {self.state} does not become {self.target}. Make another one."


@domain_error
class PromotionOverlaps(DomainError):
    """A promotion that stands alone, at a time at which another one does."""

    code: ClassVar[str] = "PROMOTION_OVERLAPS"
    promotion: str
    other: str
    other_id: PromotionId
    stack_group: str

    def __str__(self) -> str:
        return (
            f"{self.promotion!r} and {self.other!r} both stand alone in the group "
            f"{self.stack_group!r}, and could count for one cart. Let them run one after the "
            "other, give one another group, or let them be best deals."
        )


@domain_error
class PromotionFixed(DomainError):
    """A change of what stays as it was published."""

    code: ClassVar[str] = "PROMOTION_FIXED"
    property: str

    def __str__(self) -> str:
        return f"The {self.property} of a published promotion stays. End it, and make another one."


@domain_error
class PromotionLimitTaken(DomainError):
    """A limit below what is used of it."""

    code: ClassVar[str] = "PROMOTION_LIMIT_TAKEN"
    new_limit: Quantity
    used: Quantity

    def __str__(self) -> str:
        return f"{self.new_limit} is less than the {self.used} that are used. Take that or more."


@domain_error
class PromotionRateInvalid(DomainError):
    """A share that is nothing, or more than all."""

    code: ClassVar[str] = "PROMOTION_RATE_INVALID"
    percent: str
    minimum_percent: str
    maximum_percent: str

    def __str__(self) -> str:
        return (
            f"{self.percent[:20]!r} % is no share of a price: from {self.minimum_percent} to "
            f"{self.maximum_percent}, with at most 4 decimals, is."
        )


@domain_error
class PromotionNumberInvalid(DomainError):
    """A number out of range."""

    code: ClassVar[str] = "PROMOTION_NUMBER_INVALID"
    number: Quantity
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.number} does not go, from {self.minimum} to {self.maximum} does."


@domain_error
class PromotionAmountInvalid(DomainError):
    """An amount that is nothing, or of another currency than the promotion."""

    code: ClassVar[str] = "PROMOTION_AMOUNT_INVALID"
    amount: Money
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} does not go: more than nothing, in {self.currency}, does."


@domain_error
class PromotionTimesInvalid(DomainError):
    """Times between which nothing can happen any more."""

    code: ClassVar[str] = "PROMOTION_TIMES_INVALID"
    starts_at: datetime
    ends_at: datetime
    now: datetime

    def __str__(self) -> str:
        return (
            f"From {self.starts_at.isoformat()} until {self.ends_at.isoformat()} is no time to "
            f"come; it is {self.now.isoformat()}. Let it end after it starts, and after now."
        )


@domain_error
class CouponExpiryPast(DomainError):
    """A code that could never be used: it would have expired already."""

    code: ClassVar[str] = "COUPON_EXPIRY_PAST"
    expires_at: datetime
    now: datetime

    def __str__(self) -> str:
        return (
            f"A code that expires at {self.expires_at.isoformat()} is never used; it is "
            f"{self.now.isoformat()}. Let it expire later, or not at all."
        )


@domain_error
class PromotionNameInvalid(DomainError):
    """A name or a label that is empty or too long, or no label at all."""

    code: ClassVar[str] = "PROMOTION_NAME_INVALID"
    name: str
    maximum: int

    def __str__(self) -> str:
        return f"{self.name[:40]!r} is no name: 1 to {self.maximum} characters are."


@domain_error
class PromotionActionInvalid(DomainError):
    """An action that is none, or several, or one with a limit that it cannot have."""

    code: ClassVar[str] = "PROMOTION_ACTION_INVALID"
    problem: str

    def __str__(self) -> str:
        return self.problem


@domain_error
class PromotionWithoutCoupons(DomainError):
    """Codes for a promotion that needs none."""

    code: ClassVar[str] = "PROMOTION_WITHOUT_COUPONS"
    promotion: str

    def __str__(self) -> str:
        return f"{self.promotion!r} counts by itself. Make one with `needsCoupon` for codes."


@domain_error
class CouponCodeInvalid(DomainError):
    """Text that is no code."""

    code: ClassVar[str] = "COUPON_CODE_INVALID"
    coupon: str
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return (
            f"{self.coupon[:40]!r} is no code: {self.minimum} to {self.maximum} letters, digits, "
            "hyphens and underscores are."
        )


@domain_error
class CouponCodeTaken(DomainError):
    """A code that there is already."""

    code: ClassVar[str] = "COUPON_CODE_TAKEN"
    coupon: str

    def __str__(self) -> str:
        return f"There is a coupon {self.coupon!r} already. Take another code."


@domain_error
class CouponRewardUnset(DomainError):
    """A coupon as a reward while staff have not said which."""

    code: ClassVar[str] = "COUPON_REWARD_UNSET"

    def __str__(self) -> str:
        return (
            "Which promotion's coupons are given as rewards is not set. Set `reward_promotion` of "
            "the plugin promotions to the id of one."
        )
