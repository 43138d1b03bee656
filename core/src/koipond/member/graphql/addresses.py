"""Addresses in the schema: those that a member keeps, and what is given of one."""

import strawberry

from koipond.kernel.ids import AddressId, MemberId, decode, encode
from koipond.kernel.schema import MEMBER, Info, UserError, batch, mutation
from koipond.member import service, types
from koipond.member.graphql.people import Member


@strawberry.input
class AddressInput:
    line1: str
    city: str
    country: str = strawberry.field(description="ISO 3166-1, two letters")
    name: str = ""
    line2: str = ""
    region: str = ""
    postal_code: str = ""

    def read(self) -> types.Address:
        """Return the address as it was given."""
        return types.Address(
            name=self.name,
            line1=self.line1,
            line2=self.line2,
            city=self.city,
            region=self.region,
            postal_code=self.postal_code,
            country=self.country,
        )


@strawberry.type(description="An address that a member keeps; `addressId` of checkouts names it.")
class MemberAddress:
    id: strawberry.ID
    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str = strawberry.field(description="ISO 3166-1, two letters")
    phone: str
    is_default: bool

    @classmethod
    def of(cls, found: types.MemberAddress) -> "MemberAddress":
        """Wrap an address."""
        told = found.address
        return cls(
            id=strawberry.ID(encode(AddressId, found.id)),
            name=told.name,
            line1=told.line1,
            line2=told.line2,
            city=told.city,
            region=told.region,
            postal_code=told.postal_code,
            country=told.country,
            phone=found.phone,
            is_default=found.is_default,
        )


@strawberry.type
class MemberAddresses:
    @batch
    @staticmethod
    async def addresses(parents: list[Member], info: Info) -> list[list[MemberAddress]]:
        """The addresses that the member keeps, the default one first."""
        found = await service.find_addresses(info.context, [parent.key for parent in parents])
        return [[MemberAddress.of(one) for one in found.get(each.key, [])] for each in parents]


@strawberry.input
class AddAddressInput:
    address: AddressInput
    phone: str = strawberry.field(default="", description="Of who takes it in")
    is_default: bool = strawberry.field(default=False, description="The first one is in any case")


@strawberry.input
class UpdateAddressInput:
    address_id: strawberry.ID
    address: AddressInput
    phone: str = ""
    is_default: bool = strawberry.field(
        default=False, description="true makes it the default one; false leaves that"
    )


@strawberry.input
class RemoveAddressInput:
    address_id: strawberry.ID


@strawberry.type
class AddressPayload:
    address: MemberAddress | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class AddAddressPayload(AddressPayload):
    pass


@strawberry.type
class UpdateAddressPayload(AddressPayload):
    pass


@strawberry.type
class RemoveAddressPayload:
    removed_id: strawberry.ID | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


def _owner(info: Info) -> MemberId:
    key = info.context.viewer.member_id
    assert key is not None, "MEMBER has seen to it"
    return key


@strawberry.type
class AddressMutations:
    @mutation(MEMBER)
    async def add_address(self, info: Info, input: AddAddressInput) -> AddAddressPayload:
        """Keep an address."""
        made = await service.add_address(
            info.context,
            _owner(info),
            input.address.read(),
            phone=input.phone,
            is_default=input.is_default,
        )
        return AddAddressPayload(address=MemberAddress.of(made))

    @mutation(MEMBER)
    async def update_address(self, info: Info, input: UpdateAddressInput) -> UpdateAddressPayload:
        """Change an address that is kept; orders that went to it stay as they are."""
        changed = await service.update_address(
            info.context,
            _owner(info),
            decode(AddressId, input.address_id),
            input.address.read(),
            phone=input.phone,
            is_default=input.is_default,
        )
        return UpdateAddressPayload(address=MemberAddress.of(changed))

    @mutation(MEMBER)
    async def remove_address(self, info: Info, input: RemoveAddressInput) -> RemoveAddressPayload:
        """Keep an address no longer."""
        await service.remove_address(
            info.context, _owner(info), decode(AddressId, input.address_id)
        )
        return RemoveAddressPayload(removed_id=input.address_id)
