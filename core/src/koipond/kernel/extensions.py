"""What a plugin adds to a shop beside fields: permissions, settings, jobs, invariants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from koipond.kernel.jobs import Job, Jobs, Run
from koipond.kernel.schedules import Misfire, Recurring

if TYPE_CHECKING:
    from sqlalchemy import Table

    from koipond.kernel.events import Event
    from koipond.kernel.invariants import Audit


class Permission(Struct, frozen=True, kw_only=True):
    """A right that staff may have; fields ask for it by its name: `needs("flashsale.manage")`.

    name: begins with the plugin's name and a dot. description: what who holds it may do.
    """

    name: str
    description: str


class PluginSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What staff may tell a plugin; a subclass has a default for every field.

    A range stands in the type, `Annotated[int, msgspec.Meta(ge=1, le=100)]`, and is held when a
    value is set. A field may be added with its default at any time; one that is renamed, or whose
    range gets narrower, loses what was set: `koi doctor` names it.
    """

    def check(self) -> str | None:
        """Say why these values do not go together, and which would; None: they do."""
        return None

    def rewards(self) -> Sequence[str]:
        """Return the kinds of rewards that these values promise.

        Values that promise one that no plugin of the shop gives cannot be set: RewardKindUnknown.
        """
        return ()


class PluginJob(Struct, frozen=True, kw_only=True):
    """A kind of job that a plugin brings, and the use-case that does it: `async (ctx, job)`.

    every_s, cron: run it by itself, for each full so many seconds, or at the times that a cron
    expression names in `time_zone`; the class then has no field that must be given, and a field
    `tick` tells it which tick it is for. misfire: what becomes of a cron's ticks that no worker was
    there for, see schedules.Cron; ticks_max: how many are made up for, at most.
    """

    job: type[Job]
    run: Run
    every_s: int | None = None
    cron: str = ""
    time_zone: str = "UTC"
    misfire: Misfire = Misfire.ONCE
    ticks_max: int = 10


class Invariant(Struct, frozen=True, kw_only=True):
    """What must always hold of a plugin's rows; tests and `koi doctor --audit` look.

    id: as its findings name it, I8 or one of the plugin's own such as flashsale.units.
    words: the claim, as a sentence. audit: `async (ctx: Context) -> Sequence[Finding]`; it reads by
    `ctx.reading()`, and returns what it found wrong: nothing is well.
    """

    id: str
    words: str
    audit: Audit


class Declared(Struct, frozen=True, kw_only=True):
    """A plugin's table, and what the plugin says of it: a PersonalTable, see privacy/types.py."""

    table: Table
    said: Any


class Extensions(Struct, frozen=True, kw_only=True):
    """What the plugins of one shop add, checked. Keys are plugins' names.

    personal: what their tables keep of members. traced: {(plugin, version): the class of inputs
    that its calculations take}. messages: {key: kind of message}. events: {name: class} of all that
    may be told outside, core's among them.
    """

    permissions: Mapping[str, Sequence[Permission]] = MappingProxyType({})
    settings: Mapping[str, type[PluginSettings]] = MappingProxyType({})
    invariants: Mapping[str, Sequence[Invariant]] = MappingProxyType({})
    personal: Mapping[str, Sequence[Declared]] = MappingProxyType({})
    messages: Mapping[str, Struct] = MappingProxyType({})
    jobs: Jobs = MappingProxyType({})
    recurring: Sequence[Recurring] = ()
    traced: Mapping[tuple[str, int], type[Struct]] = MappingProxyType({})
    events: Mapping[str, type[Event]] = MappingProxyType({})

    def owner(self, settings: type[PluginSettings]) -> str:
        """Return the plugin that registered a class of settings."""
        for name, kind in self.settings.items():
            if kind is settings:
                return name
        raise LookupError(f"no plugin that runs returns {settings.__name__} in register_settings")
