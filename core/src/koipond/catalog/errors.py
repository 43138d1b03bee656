"""Refusals about the catalogue."""

from typing import ClassVar

from koipond.catalog.types import GroupingKind
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import PriceRuleId
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity


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
class PriceRuleWithoutPrice(DomainError):
    """A rule for a variant that has no base price in the price list."""

    code: ClassVar[str] = "PRICE_RULE_WITHOUT_PRICE"
    sku: str
    channel: str
    currency: str

    def __str__(self) -> str:
        return (
            f"{self.sku} has no price in {self.currency} in channel {self.channel} that a rule "
            "could stand beside. Set it first with `setPrice`."
        )


@domain_error
class PriceRuleInvalid(DomainError):
    """A rule of a price list that cannot be kept."""

    code: ClassVar[str] = "PRICE_RULE_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The price rule cannot be kept: {self.reason}."


@domain_error
class PriceRuleOverlaps(DomainError):
    """Two rules for the same variant, quantity and group that would hold at the same time."""

    code: ClassVar[str] = "PRICE_RULE_OVERLAPS"
    rule_id: PriceRuleId
    price: Money
    dates: str

    def __str__(self) -> str:
        return (
            f"{self.price} holds for this quantity and group {self.dates}. Take it out "
            "with `removePriceRule`, or choose other dates."
        )


@domain_error
class PriceRuleUnknown(DomainError):
    """A rule of a price list that there is none of."""

    code: ClassVar[str] = "PRICE_RULE_UNKNOWN"
    rule: str

    def __str__(self) -> str:
        return f"{self.rule[:60]!r} is no price rule. `priceRules` of a variant tells their ids."


@domain_error
class WeightOutOfRange(DomainError):
    """A weight that nothing has."""

    code: ClassVar[str] = "WEIGHT_OUT_OF_RANGE"
    grams: Quantity
    maximum: int

    def __str__(self) -> str:
        return f"A unit of {self.grams} g is not possible: 0 to {self.maximum} g are."


@domain_error
class ProductUnknown(DomainError):
    """A product that there is none of."""

    code: ClassVar[str] = "PRODUCT_UNKNOWN"
    product_id: str

    def __str__(self) -> str:
        return f"{self.product_id[:60]!r} is no product. Use an id that `products` gave."


@domain_error
class ProductSlugTaken(DomainError):
    """A new product under the slug of another one."""

    code: ClassVar[str] = "PRODUCT_SLUG_TAKEN"
    slug: str

    def __str__(self) -> str:
        return f"There is a product {self.slug[:60]!r}. Take another slug, or updateProduct."


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


@domain_error
class CategoryUnknown(DomainError):
    """A category that there is none of."""

    code: ClassVar[str] = "CATEGORY_UNKNOWN"
    category_id: str

    def __str__(self) -> str:
        return f"{self.category_id[:60]!r} is no category. Use an id that `categories` gave."


@domain_error
class CollectionUnknown(DomainError):
    """A collection that there is none of."""

    code: ClassVar[str] = "COLLECTION_UNKNOWN"
    collection_id: str

    def __str__(self) -> str:
        return f"{self.collection_id[:60]!r} is no collection. Use an id that `collections` gave."


@domain_error
class GroupingInvalid(DomainError):
    """A category or a collection that cannot be kept as it is told."""

    code: ClassVar[str] = "GROUPING_INVALID"
    grouping: GroupingKind
    reason: str

    def __str__(self) -> str:
        return f"The {self.grouping} cannot be kept: {self.reason}."


@domain_error
class GroupingSlugTaken(DomainError):
    """A category or a collection under the slug of another one."""

    code: ClassVar[str] = "GROUPING_SLUG_TAKEN"
    grouping: GroupingKind
    slug: str

    def __str__(self) -> str:
        return f"There is a {self.grouping} {self.slug[:60]!r}. Take another slug, or change that."


@domain_error
class GroupingUsed(DomainError):
    """A category or a collection that is to be removed while something is in it."""

    code: ClassVar[str] = "GROUPING_USED"
    grouping: GroupingKind
    products: int
    categories: int

    def __str__(self) -> str:
        below = f" and {self.categories} categories" if self.categories else ""
        return (
            f"{self.products} products{below} are in this {self.grouping}. Take them out or move "
            "them, then remove it."
        )


@domain_error
class GroupingBatchInvalid(DomainError):
    """Products that are to be put into a category or a collection, too many or twice."""

    code: ClassVar[str] = "GROUPING_BATCH_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The products cannot be put there and taken out so: {self.reason}."


@domain_error
class CategoryMoveInvalid(DomainError):
    """A place in the tree at which a category cannot stand."""

    code: ClassVar[str] = "CATEGORY_MOVE_INVALID"
    category_id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.category_id} cannot stand there: {self.reason}. Choose another parent."
