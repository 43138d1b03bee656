"""What staff see and change of price lists, weights and tax categories."""

from datetime import datetime

import strawberry

from koipond.catalog import service, types
from koipond.catalog.graphql.types import Product, Variant
from koipond.channel import service as channels
from koipond.kernel.ids import PriceRuleId, ProductId, VariantId, decode, encode
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    Info,
    MoneyInput,
    MoneyType,
    UserError,
    batch,
    mutation,
    needs,
)

WRITE = needs(types.WRITES_CATALOG)
# What a channel asks for, those who look after it set.
PRICE = needs(types.WRITES_CATALOG, by_channel=True)


@strawberry.type(
    description="What a unit costs beside the base price: by quantity, group and date."
)
class PriceRule:
    id: strawberry.ID
    channel: str
    price: MoneyType
    from_quantity: int
    group: str | None = strawberry.field(description="The code of a member group; null: everyone")
    starts_at: datetime | None = strawberry.field(description="Null: since ever")
    ends_at: datetime | None = strawberry.field(description="Exclusive; null: for ever")
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.PriceRule, channel: str) -> "PriceRule":
        """Wrap a rule of a channel's price list."""
        return cls(
            id=strawberry.ID(encode(PriceRuleId, found.id)),
            channel=channel,
            price=MoneyType.of(Money(found.amount_minor, found.currency)),
            from_quantity=found.from_quantity,
            group=found.group_code,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            version=found.version,
        )


@strawberry.type(description="What a variant costs in a channel and currency, without its rules.")
class BasePrice:
    channel: str
    price: MoneyType
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.BasePrice, channel: str) -> "BasePrice":
        """Wrap a price of a channel's price list."""
        price = MoneyType.of(Money(found.amount_minor, found.currency))
        return cls(channel=channel, price=price, version=found.version)


@strawberry.type
class StaffVariant:
    @batch
    @staticmethod
    async def base_prices(parents: list[Variant], info: Info) -> list[list[BasePrice]]:
        """What `setPrice` set in every channel and currency."""
        found = await service.find_every_price(info.context, [parent.key for parent in parents])
        codes = {one.id: one.code for one in await channels.find_channels(info.context)}
        return [
            [BasePrice.of(one, codes[one.channel_id]) for one in found[parent.key]]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def price_rules(parents: list[Variant], info: Info) -> list[list[PriceRule]]:
        """What its price lists say beside their base prices, over or not."""
        found = await service.find_price_rules(info.context, [parent.key for parent in parents])
        codes = {one.id: one.code for one in await channels.find_channels(info.context)}
        return [
            [PriceRule.of(rule, codes[channel_id]) for rule, channel_id in found[parent.key]]
            for parent in parents
        ]


@strawberry.type
class StaffProduct:
    @batch
    @staticmethod
    async def tax_category(parents: list[Product], info: Info) -> list[str | None]:
        """The code of what it is taxed as; null: as goods that name none."""
        return [parent.found.tax_category for parent in parents]


@strawberry.input(
    description="For everyone and from one unit it takes the base price's place; else it is a tier "
    "price, and counts where it is cheaper. One of the same quantity, group and dates is changed."
)
class SetPriceRuleInput:
    variant_id: strawberry.ID
    channel: str = strawberry.field(description="The code of a channel")
    price: MoneyInput
    from_quantity: Quantity = strawberry.field(
        default=Quantity(1), description="Units of one line, that many included"
    )
    group: str | None = strawberry.field(
        default=None, description="The code of a member group; None: everyone"
    )
    starts_at: datetime | None = None
    ends_at: datetime | None = strawberry.field(default=None, description="Exclusive")
    expected_version: int | None = strawberry.field(
        default=None, description="Of the rule that is changed; 0 if it is to be a new one"
    )

    def read(self) -> types.PriceRuleWish:
        """Return the rule as it is wished. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        return types.PriceRuleWish(
            variant_id=decode(VariantId, self.variant_id),
            channel=self.channel,
            price=self.price.read(),
            from_quantity=self.from_quantity,
            group=self.group,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


@strawberry.input
class RemovePriceRuleInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.input
class SetVariantWeightInput:
    variant_id: strawberry.ID
    grams: Quantity | None = strawberry.field(description="Null: nobody knows")
    expected_version: int | None = strawberry.field(
        default=None, description="Of its product, as it was read"
    )


@strawberry.input
class SetProductTaxCategoryInput:
    product_id: strawberry.ID
    tax_category: str | None = strawberry.field(
        description="The code of a tax category; null: as goods that name none"
    )
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.type
class SetPriceRulePayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemovePriceRulePayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SetVariantWeightPayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SetProductTaxCategoryPayload:
    product: Product | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffMutations:
    @mutation(PRICE)
    async def set_price_rule(self, info: Info, input: SetPriceRuleInput) -> SetPriceRulePayload:
        """Set what a variant costs from a quantity, for a group of members, or for a while."""
        found = await service.set_price_rule(
            info.context, input.read(), expected_version=input.expected_version
        )
        return SetPriceRulePayload(variant=Variant.of(found, info.context.scope.locales))

    @mutation(PRICE)
    async def remove_price_rule(
        self, info: Info, input: RemovePriceRuleInput
    ) -> RemovePriceRulePayload:
        """Take a rule out of a price list; orders that were placed keep their prices."""
        found = await service.remove_price_rule(
            info.context,
            decode(PriceRuleId, input.id),
            expected_version=input.expected_version,
        )
        return RemovePriceRulePayload(variant=Variant.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def set_variant_weight(
        self, info: Info, input: SetVariantWeightInput
    ) -> SetVariantWeightPayload:
        """Say what a unit of a variant weighs."""
        key = decode(VariantId, input.variant_id)
        found = await service.set_grams(
            info.context, key, input.grams, expected_version=input.expected_version
        )
        return SetVariantWeightPayload(variant=Variant.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def set_product_tax_category(
        self, info: Info, input: SetProductTaxCategoryInput
    ) -> SetProductTaxCategoryPayload:
        """Say what a product is taxed as."""
        key = decode(ProductId, input.product_id)
        found = await service.set_tax_category(
            info.context, key, input.tax_category, expected_version=input.expected_version
        )
        return SetProductTaxCategoryPayload(product=Product.of(found, info.context.scope.locales))
