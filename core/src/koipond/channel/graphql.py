"""Channels and zones in the schema."""

from collections.abc import Callable

import msgspec
import strawberry

from koipond.channel import service, types
from koipond.kernel.money import Rounding
from koipond.kernel.schema import (
    PUBLIC,
    Api,
    Info,
    Mutation,
    Query,
    UserError,
    batch,
    mutation,
    needs,
    query,
)

strawberry.enum(Rounding)

READ = needs("channel.read")
WRITE = needs(types.WRITES_CHANNELS)
WRITE_OWN = needs(types.WRITES_CHANNELS, by_channel=True)


@strawberry.type(description="Where it is sold. Chosen by the header Koi-Channel.")
class Channel:
    found: strawberry.Private[types.Channel]
    code: str
    name: str
    currencies: list[str] = strawberry.field(description="ISO 4217, the default first")
    locales: list[str] = strawberry.field(description="Language tags, the default first")
    prices_include_tax: bool = strawberry.field(
        description="Prices are what is paid; else tax comes on top of them"
    )

    @classmethod
    def of(cls, found: types.Channel) -> "Channel":
        """Wrap a channel."""
        return cls(
            found=found,
            code=found.code,
            name=found.name,
            currencies=list(found.currencies),
            locales=list(found.locales),
            prices_include_tax=found.prices_include_tax,
        )


@strawberry.type(description="How a channel rounds one of its currencies.")
class CurrencyRounding:
    currency: str
    mode: Rounding
    per_unit: bool = strawberry.field(description="Each unit of a line, not the line once")


@strawberry.type
class StaffChannel:
    @batch
    @staticmethod
    async def country(parents: list[Channel], info: Info) -> list[str]:
        """Its home, whose tax holds before a buyer has given an address; empty: none."""
        return [parent.found.country for parent in parents]

    @batch
    @staticmethod
    async def region(parents: list[Channel], info: Info) -> list[str]:
        """The region of its home."""
        return [parent.found.region for parent in parents]

    @batch
    @staticmethod
    async def version(parents: list[Channel], info: Info) -> list[int]:
        """What expectedVersion is to be."""
        return [parent.found.version for parent in parents]

    @batch
    @staticmethod
    async def rounding(parents: list[Channel], info: Info) -> list[list[CurrencyRounding]]:
        """Of those currencies that are not rounded half away from zero, per line."""
        return [
            [
                CurrencyRounding(currency=code, mode=one.rounding, per_unit=one.per_unit)
                for code, one in parent.found.rounding.items()
            ]
            for parent in parents
        ]


@strawberry.type(description="Places that are taxed alike, or that parcels cost the same to.")
class Zone:
    code: str
    name: str
    places: list[str] = strawberry.field(description="Countries such as DE, regions such as US/CA")
    version: int = strawberry.field(description="What expectedVersion is to be")

    @classmethod
    def of(cls, found: types.Zone) -> "Zone":
        """Wrap a zone."""
        return cls(
            code=found.code,
            name=found.name,
            places=[str(one) for one in found.places],
            version=found.version,
        )


@strawberry.input
class CurrencyRoundingInput:
    currency: str = strawberry.field(description="ISO 4217 code; one that the channel sells in")
    mode: Rounding = Rounding.HALF_AWAY
    per_unit: bool = strawberry.field(
        default=False, description="Each unit of a line, not the line once"
    )


@strawberry.input(description="What is left out stays as it is.")
class SetChannelInput:
    code: str = strawberry.field(description="Of the channel that is changed")
    name: str | None = None
    country: str | None = strawberry.field(default=None, description="Two letters, or empty")
    region: str | None = None
    prices_include_tax: bool | None = None
    rounding: list[CurrencyRoundingInput] | None = strawberry.field(
        default=None, description="All that differ from half away from zero, per line"
    )
    expected_version: int | None = strawberry.field(default=None, description="As it was read")

    def change(self) -> Callable[[types.ChannelDraft], types.ChannelDraft]:
        """Return what it makes of a channel."""
        given: dict[str, object] = {
            "name": self.name,
            "country": self.country,
            "region": self.region,
            "prices_include_tax": self.prices_include_tax,
        }
        told = {name: value for name, value in given.items() if value is not None}
        if self.rounding is not None:
            told["rounding"] = {
                one.currency: (one.mode.value, one.per_unit) for one in self.rounding
            }
        return lambda known: msgspec.structs.replace(known, **told)


@strawberry.input(description="A zone, new or known; its places become exactly these.")
class SetZoneInput:
    code: str = strawberry.field(description="a-z, 0-9 and -")
    name: str
    places: list[str] = strawberry.field(description="Countries such as DE, regions such as US/CA")
    expected_version: int | None = strawberry.field(
        default=None, description="As it was read; 0 if it is to be a new one"
    )


@strawberry.type
class SetChannelPayload:
    channel: Channel | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SetZonePayload:
    zone: Zone | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ChannelQueries:
    @query(PUBLIC)
    async def channels(self, info: Info) -> list[Channel]:
        """Every channel of this shop, the default first."""
        return [Channel.of(one) for one in await service.find_channels(info.context)]


@strawberry.type
class StaffChannelQueries:
    @query(READ)
    async def zones(self, info: Info) -> list[Zone]:
        """Every zone, by its code."""
        found = await service.find_zones(info.context)
        return [Zone.of(one) for one in found.values()]


@strawberry.type
class StaffChannelMutations:
    @mutation(WRITE_OWN)
    async def set_channel(self, info: Info, input: SetChannelInput) -> SetChannelPayload:
        """Change a channel: its home, its tax, its rounding. Storefronts see it within 5 s."""
        changed = await service.change_channel(
            info.context, input.code, input.change(), expected_version=input.expected_version
        )
        return SetChannelPayload(channel=Channel.of(changed))

    @mutation(WRITE)
    async def set_zone(self, info: Info, input: SetZoneInput) -> SetZonePayload:
        """Make a zone, or give a known one other places."""
        draft = types.ZoneDraft(code=input.code, name=input.name, places=tuple(input.places))
        told = await service.set_zone(info.context, draft, expected_version=input.expected_version)
        return SetZonePayload(zone=Zone.of(told))


def register(api: Api) -> None:
    """Add channels and zones to the schemas."""
    api.both(Query, ChannelQueries)
    api.admin(Channel, StaffChannel)
    api.admin(Query, StaffChannelQueries)
    api.admin(Mutation, StaffChannelMutations)
