"""Refusals about tax."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.quantity import Quantity


@domain_error
class TaxCategoryUnknown(DomainError):
    """A tax category that this shop does not have."""

    code: ClassVar[str] = "TAX_CATEGORY_UNKNOWN"
    category: str
    known: str

    def __str__(self) -> str:
        return (
            f"There is no tax category {self.category[:40]!r}. `setTaxCategory` makes one. "
            f"There are: {self.known}."
        )


@domain_error
class TaxCategoryInvalid(DomainError):
    """A tax category that cannot be made."""

    code: ClassVar[str] = "TAX_CATEGORY_INVALID"
    category: str
    reason: str

    def __str__(self) -> str:
        return f"Tax category {self.category[:40]!r} cannot be made: {self.reason}."


@domain_error
class TaxRateOutOfRange(DomainError):
    """A rate of tax below 0 or over 100 %."""

    code: ClassVar[str] = "TAX_RATE_OUT_OF_RANGE"
    rate_ppm: Quantity
    most_ppm: int

    def __str__(self) -> str:
        return (
            f"A tax of {self.rate_ppm} ppm is not possible: 0 to {self.most_ppm} ppm, which is "
            "100 %. 19 % is 190000."
        )


@domain_error
class TaxRateInvalid(DomainError):
    """A rate of tax that cannot be kept."""

    code: ClassVar[str] = "TAX_RATE_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The rate cannot be kept: {self.reason}."


@domain_error
class TaxRateOverlaps(DomainError):
    """Two rates of one category that would hold in one zone at the same time."""

    code: ClassVar[str] = "TAX_RATE_OVERLAPS"
    zone: str
    category: str
    rate_ppm: Quantity
    dates: str

    def __str__(self) -> str:
        return (
            f"{self.rate_ppm} ppm holds for {self.category} in {self.zone} {self.dates}. "
            "End it first with `endTaxRate`, or choose other dates."
        )


@domain_error
class TaxRateUnknown(DomainError):
    """A rate of tax that there is none of."""

    code: ClassVar[str] = "TAX_RATE_UNKNOWN"
    tax_rate: str

    def __str__(self) -> str:
        return f"{self.tax_rate[:60]!r} is no rate of tax. `taxRates` tells their ids."
