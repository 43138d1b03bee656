"""Tax in the schema of staff; what buyers see of it stands in their orders."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import TaxRateId, decode, encode
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import (
    Api,
    Info,
    Mutation,
    Query,
    TextInput,
    UserError,
    mutation,
    needs,
    query,
)
from koipond.kernel.texts import pick
from koipond.tax import service, types

READ = needs("tax.read")
WRITE = needs("tax.write")


@strawberry.type(description="Goods that are taxed alike.")
class TaxCategory:
    code: str
    name: str
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.TaxCategory) -> "TaxCategory":
        """Wrap a category."""
        return cls(code=found.code, name=found.name, version=found.version)


@strawberry.type(description="What goods of a category are taxed in a zone, for a while or always.")
class TaxRate:
    id: strawberry.ID
    zone: str = strawberry.field(description="The code of a zone")
    category: str = strawberry.field(description="The code of a tax category")
    rate_ppm: int = strawberry.field(description="Millionths: 190000 is 19 %")
    label: str = strawberry.field(description="What buyers read")
    starts_at: datetime | None = strawberry.field(description="Null: since ever")
    ends_at: datetime | None = strawberry.field(description="Exclusive; null: for ever")
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.TaxRate, info: Info) -> "TaxRate":
        """Wrap a rate."""
        return cls(
            id=strawberry.ID(encode(TaxRateId, found.id)),
            zone=found.zone_code,
            category=found.category_code,
            rate_ppm=found.rate_ppm,
            label=pick(found.label, info.context.scope.locales),
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            version=found.version,
        )


@strawberry.input(
    description="`standard` is the category of goods that name none, `shipping` that of shipping."
)
class SetTaxCategoryInput:
    code: str = strawberry.field(description="a-z, 0-9 and -")
    name: str
    expected_version: int | None = strawberry.field(
        default=None, description="As it was read; 0 if it is to be a new one"
    )


@strawberry.input
class AddTaxRateInput:
    zone: str = strawberry.field(description="The code of a zone")
    category: str = strawberry.field(description="The code of a tax category")
    rate_ppm: Quantity = strawberry.field(description="Millionths, up to 1000000; 190000 is 19 %")
    label: list[TextInput] = strawberry.field(description="What buyers read, by language")
    starts_at: datetime | None = None
    ends_at: datetime | None = strawberry.field(default=None, description="Exclusive")


@strawberry.input
class EndTaxRateInput:
    id: strawberry.ID
    ends_at: datetime | None = strawberry.field(default=None, description="None: now")
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.input
class RemoveTaxRateInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.type
class SetTaxCategoryPayload:
    tax_category: TaxCategory | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class AddTaxRatePayload:
    tax_rate: TaxRate | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EndTaxRatePayload:
    tax_rate: TaxRate | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveTaxRatePayload:
    tax_rate: TaxRate | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class TaxQueries:
    @query(READ)
    async def tax_categories(self, info: Info) -> list[TaxCategory]:
        """Every tax category, by its code."""
        found = await service.find_categories(info.context)
        return [TaxCategory.of(one) for one in found.values()]

    @query(READ)
    async def tax_rates(self, info: Info) -> list[TaxRate]:
        """Every rate of tax, over or not, by zone and category."""
        return [TaxRate.of(one, info) for one in await service.find_rates(info.context)]


@strawberry.type
class TaxMutations:
    @mutation(WRITE)
    async def set_tax_category(
        self, info: Info, input: SetTaxCategoryInput
    ) -> SetTaxCategoryPayload:
        """Make a tax category, or call a known one otherwise."""
        told = await service.set_category(
            info.context, input.code, input.name, expected_version=input.expected_version
        )
        return SetTaxCategoryPayload(tax_category=TaxCategory.of(told))

    @mutation(WRITE)
    async def add_tax_rate(self, info: Info, input: AddTaxRateInput) -> AddTaxRatePayload:
        """Say what a category is taxed in a zone; two never hold at the same time."""
        draft = types.TaxRateDraft(
            zone=input.zone,
            category=input.category,
            rate_ppm=int(input.rate_ppm),
            label={one.locale: one.text for one in input.label},
            starts_at=input.starts_at,
            ends_at=input.ends_at,
        )
        made = await service.add_rate(info.context, draft)
        return AddTaxRatePayload(tax_rate=TaxRate.of(made, info))

    @mutation(WRITE)
    async def end_tax_rate(self, info: Info, input: EndTaxRateInput) -> EndTaxRatePayload:
        """Have a rate end; orders that were placed keep their tax."""
        key = decode(TaxRateId, input.id)
        ended = await service.end_rate(
            info.context, key, input.ends_at, expected_version=input.expected_version
        )
        return EndTaxRatePayload(tax_rate=TaxRate.of(ended, info))

    @mutation(WRITE)
    async def remove_tax_rate(self, info: Info, input: RemoveTaxRateInput) -> RemoveTaxRatePayload:
        """Take out a rate; orders that were placed keep their tax."""
        key = decode(TaxRateId, input.id)
        gone = await service.remove_rate(info.context, key, expected_version=input.expected_version)
        return RemoveTaxRatePayload(tax_rate=TaxRate.of(gone, info))


def register(api: Api) -> None:
    """Add tax to the schema of staff."""
    api.admin(Query, TaxQueries)
    api.admin(Mutation, TaxMutations)
