"""Refusals of coupon codes."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.money import Money


@domain_error
class CouponUnknown(DomainError):
    """A coupon code that no plugin of this shop knows."""

    code: ClassVar[str] = "COUPON_UNKNOWN"
    coupon: str

    def __str__(self) -> str:
        return f"The coupon code {self.coupon[:40]!r} is not valid here. Leave it out."


@domain_error
class CouponBelowMinimum(DomainError):
    """A coupon that counts from a sum on to which what it is for does not come."""

    code: ClassVar[str] = "COUPON_BELOW_MINIMUM"
    coupon: str
    needed: Money
    reached: Money

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} counts from {self.needed} on, and what it is for "
            f"comes to {self.reached}. Add something for {self.needed - self.reached}, or leave "
            "the coupon out."
        )


@domain_error
class CouponNotCombinable(DomainError):
    """A coupon that may not go beside another discount that counts already."""

    code: ClassVar[str] = "COUPON_NOT_COMBINABLE"
    coupon: str
    other: str

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} does not go beside {self.other[:80]!r}, which counts "
            "already. Leave one of the two out."
        )


@domain_error
class CouponNotEligible(DomainError):
    """A coupon that takes nothing off what is in the cart."""

    code: ClassVar[str] = "COUPON_NOT_ELIGIBLE"
    coupon: str

    def __str__(self) -> str:
        return (
            f"The coupon {self.coupon[:40]!r} takes nothing off what is in the cart. Put in what "
            "it is for, or leave it out."
        )
