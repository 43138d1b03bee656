"""What buyers tell plugins: read once from GraphQL, kept as JSON, given to hooks as Structs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from koipond.kernel.ids import ActivityId


class PluginInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plugin's GraphQL input comes to: kept with the cart, given to the plugin's hooks.

    A later version of the plugin reads what an earlier one kept; what it cannot read the buyer is
    asked to choose again. So give new fields a default.
    """

    def chosen_activity(self) -> ActivityId | None:
        """Return the activity that the buyer wants a line to be sold by; None: whichever is best.

        A plugin whose activities are sold by choice says here which one was chosen.
        """
        return None


class Level(StrEnum):
    """What an input is about."""

    LINE = "line"
    ORDER = "order"


def chosen_activity(chosen: ChosenInputs) -> ActivityId | None:
    """Return the activity that one of a line's inputs chooses; of several the first by plugin."""
    found = (chosen[plugin].chosen_activity() for plugin in sorted(chosen))
    return next((one for one in found if one is not None), None)


# {plugin: its input}
ChosenInputs = Mapping[str, PluginInput]
# The same as JSON, in the form in which a cart's document gives it back.
KeptInputs = Mapping[str, Any]


def keep(chosen: ChosenInputs) -> KeptInputs:
    """Return inputs in the form in which they are kept, and compared."""
    kept: KeptInputs = msgspec.json.decode(msgspec.json.encode(chosen))
    return kept


class InputTypes:
    """What the plugins of one shop read from their inputs."""

    def __init__(self, types: Mapping[tuple[Level, str], type[PluginInput]]) -> None:
        """types: {(level, plugin): what it reads there}."""
        self._types = dict(types)

    def read(self, level: Level, kept: KeptInputs) -> tuple[ChosenInputs, list[str]]:
        """Return kept inputs as they were chosen, and the plugins whose input cannot be read.

        That is one which another version kept, or whose plugin is not there any more.
        """
        chosen: dict[str, PluginInput] = {}
        stale: list[str] = []
        for plugin, value in sorted(kept.items()):
            kind = self._types.get((level, plugin))
            try:
                if kind is not None:
                    chosen[plugin] = msgspec.convert(value, kind, str_keys=True)
                    continue
            except msgspec.ValidationError:
                pass
            stale.append(plugin)
        return chosen, stale
