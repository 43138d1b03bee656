"""Why a coupon does not count."""

from datetime import datetime
from typing import ClassVar

from koipond_sdk import DomainError, Quantity, domain_error


@domain_error
class CouponNotYetValid(DomainError):
    """A coupon before its time."""

    code: ClassVar[str] = "COUPON_NOT_YET_VALID"
    coupon: str
    starts_at: datetime
    now: datetime

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} counts from {self.starts_at.isoformat()} on, and it is "
            f"{self.now.isoformat()}. Come back then, or leave it out."
        )


@domain_error
class CouponOutsideHours(DomainError):
    """A coupon that counts at some hours of the week, and this is none of them."""

    code: ClassVar[str] = "COUPON_OUTSIDE_HOURS"
    coupon: str
    now: datetime

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} counts at some hours only; it is {self.now.isoformat()}. "
            "Come back at one of them, or leave it out."
        )


@domain_error
class CouponExpired(DomainError):
    """A coupon after its time."""

    code: ClassVar[str] = "COUPON_EXPIRED"
    coupon: str
    ended_at: datetime
    now: datetime

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} counted until {self.ended_at.isoformat()}. Leave it out."
        )


@domain_error
class CouponPaused(DomainError):
    """A coupon of a promotion that staff have paused."""

    code: ClassVar[str] = "COUPON_PAUSED"
    coupon: str

    def __str__(self) -> str:
        return f"The coupon {self.coupon!r} does not count just now. Try later, or leave it out."


@domain_error
class CouponElsewhere(DomainError):
    """A coupon of another channel, or for another currency."""

    code: ClassVar[str] = "COUPON_ELSEWHERE"
    coupon: str

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} counts in another channel or currency of this shop. "
            "Buy there, or leave it out."
        )


@domain_error
class CouponExhausted(DomainError):
    """A coupon that was used as often as it could be, or whose money is given away."""

    code: ClassVar[str] = "COUPON_EXHAUSTED"
    coupon: str
    used: Quantity
    uses_max: Quantity

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} is used up: {self.used} of {self.uses_max}. Leave it out."
        )


@domain_error
class CouponLimitReached(DomainError):
    """A coupon that this member has used as often as one may."""

    code: ClassVar[str] = "COUPON_LIMIT_REACHED"
    coupon: str
    used: Quantity
    uses_max: Quantity

    def __str__(self) -> str:
        return (
            f"You have used the coupon {self.coupon!r} {self.used} times, and may {self.uses_max}. "
            "Leave it out."
        )


@domain_error
class CouponForMembers(DomainError):
    """A coupon that is not for guests."""

    code: ClassVar[str] = "COUPON_FOR_MEMBERS"
    coupon: str

    def __str__(self) -> str:
        return f"The coupon {self.coupon!r} is for members. Log in, or leave it out."


@domain_error
class CouponForOthers(DomainError):
    """A coupon for groups of members that the buyer is not in."""

    code: ClassVar[str] = "COUPON_FOR_OTHERS"
    coupon: str

    def __str__(self) -> str:
        return f"The coupon {self.coupon!r} is for other members. Leave it out."


@domain_error
class CouponFirstOrderOnly(DomainError):
    """A coupon for first orders, by somebody who has one."""

    code: ClassVar[str] = "COUPON_FIRST_ORDER_ONLY"
    coupon: str
    orders: Quantity

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} is for a first order, and you have {self.orders}. "
            "Leave it out."
        )


@domain_error
class CouponRepeated(DomainError):
    """A second code of a promotion, which counts once for an order."""

    code: ClassVar[str] = "COUPON_REPEATED"
    coupon: str
    counted: Quantity
    maximum: int

    def __str__(self) -> str:
        return f"The coupon {self.coupon!r} is of a kind of which an order takes one. Leave it out."


@domain_error
class CouponsTooMany(DomainError):
    """More codes than an order may carry."""

    code: ClassVar[str] = "COUPONS_TOO_MANY"
    coupon: str
    maximum: int

    def __str__(self) -> str:
        return f"An order takes {self.maximum} coupons. Leave {self.coupon!r} out, or another one."


@domain_error
class CouponBelowUnits(DomainError):
    """A coupon that counts from a number of units on that is not reached."""

    code: ClassVar[str] = "COUPON_BELOW_UNITS"
    coupon: str
    units_needed: Quantity
    units_reached: Quantity

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon!r} counts from {self.units_needed} units of what it is for "
            f"on, and there are {self.units_reached}. Add "
            f"{self.units_needed - self.units_reached}, or leave it out."
        )
