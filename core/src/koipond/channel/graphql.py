"""The channel in the schema."""

import strawberry

from koipond.channel import service
from koipond.kernel.schema import PUBLIC, Api, Info, Query, query


@strawberry.type(description="Where it is sold. Chosen by the header Koi-Channel.")
class Channel:
    code: str
    name: str
    currencies: list[str] = strawberry.field(description="ISO 4217, the default first")
    locales: list[str] = strawberry.field(description="Language tags, the default first")


@strawberry.type
class ChannelQueries:
    @query(PUBLIC)
    async def channels(self, info: Info) -> list[Channel]:
        """Every channel of this shop, the default first."""
        found = await service.find_channels(info.context)
        return [
            Channel(
                code=one.code,
                name=one.name,
                currencies=list(one.currencies),
                locales=list(one.locales),
            )
            for one in found
        ]


def register(api: Api) -> None:
    """Add channels to both schemas."""
    api.both(Query, ChannelQueries)
