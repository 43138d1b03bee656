"""Mutations of the catalogue: what staff change."""

import strawberry

from koipond.catalog import service
from koipond.catalog.graphql.types import Variant
from koipond.catalog.types import WRITES_CATALOG
from koipond.kernel.ids import VariantId, decode
from koipond.kernel.money import currency, parse_amount
from koipond.kernel.schema import Info, UserError, mutation, needs

WRITE = needs(WRITES_CATALOG, by_channel=True)


@strawberry.input
class SetPriceInput:
    variant_id: strawberry.ID
    channel: str = strawberry.field(description="The code of a channel")
    amount: str = strawberry.field(description="Major units as a decimal string: 12.50")
    currency: str = strawberry.field(description="ISO 4217 code; one that the channel sells in")
    expected_version: int | None = strawberry.field(
        default=None, description="Of its base price, as it was read; 0 if it is to be the first"
    )


@strawberry.type
class SetPricePayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class AdminMutations:
    @mutation(WRITE)
    async def set_price(self, info: Info, input: SetPriceInput) -> SetPricePayload:
        """Set what a variant costs in a channel and currency."""
        price = parse_amount(input.amount, currency(input.currency))
        found = await service.set_price(
            info.context,
            decode(VariantId, input.variant_id),
            price,
            channel=input.channel,
            expected_version=input.expected_version,
        )
        return SetPricePayload(variant=Variant.of(found, info.context.scope.locales))
