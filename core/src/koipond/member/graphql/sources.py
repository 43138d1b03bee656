"""From where somebody comes, as storefronts tell it."""

import strawberry

from koipond.channel.rules import make_source
from koipond.channel.types import Source, SourceClass

strawberry.enum(SourceClass)


@strawberry.input(description="From where the buyer comes; of several the last one counts.")
class SourceInput:
    kind: SourceClass = strawberry.field(name="class")
    entry: str = strawberry.field(default="", description="The door: a name of the shop's, or any")
    campaign: str = ""

    def read(self) -> Source:
        """Return the source in the form in which it is kept. Raises SourceInvalid."""
        return make_source(self.kind, self.entry, self.campaign)
