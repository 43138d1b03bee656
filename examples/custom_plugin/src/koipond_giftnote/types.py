"""Gift notes, seen from outside."""

from typing import Annotated

import msgspec
from msgspec import Struct

from koipond_sdk import PluginInput, PluginSettings

# No card is larger, in any channel.
TEXT_MAX = 1_000


class GiftNoteSettings(PluginSettings, frozen=True):
    """What staff may set. text_max: characters that fit on the card."""

    text_max: Annotated[int, msgspec.Meta(ge=1, le=TEXT_MAX)] = 200


class Told(PluginInput, frozen=True, kw_only=True):
    """What a buyer wants to be written, as it is kept with the cart; empty: nothing."""

    text: str


class Note(Struct, frozen=True, kw_only=True):
    """What is to be written for the units of one line."""

    sku: str
    text: str
