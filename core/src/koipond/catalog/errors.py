"""Refusals about the catalogue."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class VariantUnknown(DomainError):
    """A variant that there is none of, or that this channel does not show."""

    code: ClassVar[str] = "VARIANT_UNKNOWN"
    variant_id: str

    def __str__(self) -> str:
        return (
            f"{self.variant_id[:60]!r} is no variant of this channel. Use the id of one of a "
            "product's `variants`."
        )


@domain_error
class VariantNotPriced(DomainError):
    """A variant that has no price in the asked currency."""

    code: ClassVar[str] = "VARIANT_NOT_PRICED"
    sku: str
    currency: str

    def __str__(self) -> str:
        return (
            f"{self.sku} has no price in {self.currency}. Leave it out, or ask in another currency "
            "(header Koi-Currency) if the channel has one."
        )


@domain_error
class SkuTaken(DomainError):
    """A stock keeping unit that another product has."""

    code: ClassVar[str] = "SKU_TAKEN"
    sku: str
    product: str

    def __str__(self) -> str:
        return f"SKU {self.sku} belongs to the product {self.product}. A SKU names one variant."


@domain_error
class SkuTwice(DomainError):
    """A stock keeping unit that one product names twice."""

    code: ClassVar[str] = "SKU_TWICE"
    sku: str

    def __str__(self) -> str:
        return f"SKU {self.sku} is there twice in one product. A SKU names one variant."


@domain_error
class ProductInvalid(DomainError):
    """A product that cannot be stored as it is told."""

    code: ClassVar[str] = "PRODUCT_INVALID"
    product: str
    reason: str

    def __str__(self) -> str:
        return f"Product {self.product[:60]!r} cannot be stored: {self.reason}."


@domain_error
class ProductFilterInvalid(DomainError):
    """A filter of products that asks for too much at once."""

    code: ClassVar[str] = "PRODUCT_FILTER_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"Products cannot be filtered like this: {self.reason}. Ask for less at once."
