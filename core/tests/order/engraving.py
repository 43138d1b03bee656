"""A tiny plugin that is told something about lines and orders: what is engraved, and a ribbon."""

import sys
from pathlib import Path
from typing import ClassVar

import strawberry

from koipond.kernel.plugins import Manifest, Plugin
from koipond_sdk import DomainError, PluginInput, domain_error, implement
from koipond_sdk.schema import Api

MANIFEST = Manifest(name="engraving", version="1", api="0.1", table_prefix="engraving")
TEXT_MAX = 10


@domain_error
class EngravingTooLong(DomainError):
    """More letters than fit."""

    code: ClassVar[str] = "ENGRAVING_TOO_LONG"
    letters: int

    def __str__(self) -> str:
        return f"{self.letters} letters do not fit, at most {TEXT_MAX} do. Shorten the text."


class Engraved(PluginInput, frozen=True, kw_only=True):
    text: str
    font: str = "serif"


class Ribbon(PluginInput, frozen=True, kw_only=True):
    colour: str


@strawberry.input
class EngravingLineInput:
    text: str
    font: str | None = None

    def read(self) -> Engraved:
        """Return what is engraved. Raises EngravingTooLong."""
        if len(self.text) > TEXT_MAX:
            raise EngravingTooLong(letters=len(self.text)).located("text")
        return Engraved(text=self.text, font=self.font or "serif")


@strawberry.input
class EngravingOrderInput:
    ribbon: str = "red"

    def read(self) -> Ribbon:
        """Return the ribbon."""
        return Ribbon(colour=self.ribbon)


@implement()
def register_graphql(api: Api) -> None:
    """Add both inputs."""
    api.line_input("engraving", EngravingLineInput)
    api.order_input("engraving", EngravingOrderInput)


PLUGIN = Plugin(
    manifest=MANIFEST, package=__name__, folder=Path(__file__).parent, hooks=sys.modules[__name__]
)
