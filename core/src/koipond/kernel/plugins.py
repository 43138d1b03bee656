"""Plugins: found by entry point, described by plugin.toml, which is read without importing them.

running    its hooks, jobs and fields are there
disabled   staff turned it off: it is not even imported; its tables are kept up to date
broken     it cannot run: the shop does not start, unless its plugin.toml says required = false
missing    its tables are here, and its package is not; see kernel/revisions.py
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType

import msgspec
from msgspec import Struct

from koipond.kernel.errors import PluginDisabled
from koipond.kernel.logs import log
from koipond.kernel.versions import RangeInvalid, within

GROUP = "koipond.plugins"
API = "0.1"
_PREFIX = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NOTHING: Set[str] = frozenset()


class PluginBroken(Exception):
    """Installed plugins that cannot run: names each, the reason and the way out."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plugin says of itself in plugin.toml."""

    name: str
    version: str
    # The versions of core's contract that it runs with: 0.1, or a range such as >=0.1,<0.3.
    api: str
    # Every table of the plugin starts with this and an underscore.
    table_prefix: str
    summary: str = ""
    # What the names of its GraphQL types start with; left out, its name in capitals: GroupBuy.
    graphql_prefix: str = ""
    # The names that it adds to Query, Mutation and Subscription.
    queries: tuple[str, ...] = ()
    mutations: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    # The fields that it adds to types of core: "Product.flashSale".
    fields: tuple[str, ...] = ()
    # Plugins that must run beside it, and that cannot: names, each with a range of versions or not.
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    # The rights that its fields ask for.
    permissions: tuple[str, ...] = ()
    # Whether a shop refuses to start if this plugin cannot run. Say false only of what no purchase
    # depends on.
    required: bool = True


class Plugin(Struct, frozen=True, kw_only=True):
    """A plugin that is installed. hooks: its module of hooks; None if it is disabled."""

    manifest: Manifest
    package: str
    folder: Path
    hooks: ModuleType | None

    @property
    def name(self) -> str:
        """The plugin's name, as in its manifest."""
        return self.manifest.name


class Broken(Struct, frozen=True, kw_only=True):
    """A plugin that is installed and cannot run. reason: names it, says why, and the way out."""

    name: str
    reason: str
    required: bool


class Installation(Struct, frozen=True, kw_only=True):
    """The plugins of one shop. plugins: those with tables to look after, also disabled ones.

    running: those whose hooks are called. off: {channel: {package: plugin}} of those that are
    disabled there and run elsewhere.
    """

    plugins: tuple[Plugin, ...] = ()
    running: tuple[Plugin, ...] = ()
    off: Mapping[str, Mapping[str, str]] = MappingProxyType({})

    def needing(self, name: str) -> list[str]:
        """Return the plugins that run and require the plugin `name`."""
        return [
            one.name
            for one in self.running
            if any(split_wish(wish)[0] == name for wish in one.manifest.requires)
        ]

    def off_in(self, channel: str | None) -> Set[str]:
        """Return the plugins that are off in a channel and run elsewhere."""
        found = self.off.get(channel or "") if self.off else None
        return frozenset(found.values()) if found else _NOTHING

    def check_open(self, channel: str | None, package: str) -> None:
        """Raise PluginDisabled if the plugin of this package is off in a channel."""
        plugin = self.off.get(channel or "", {}).get(package)
        if plugin is not None:
            raise PluginDisabled(plugin=plugin, channel=channel or "")


def discover(
    points: Iterable[EntryPoint] | None = None, *, disabled: Set[str] = _NOTHING
) -> list[Plugin]:
    """Load every installed plugin that is not disabled; each comes after those that it requires.

    One that cannot run and need not is left out with a warning. Raises PluginBroken for the others.
    """
    plugins, broken = survey(points, disabled=disabled)
    needed = [one.reason for one in broken if one.required]
    if needed:
        raise PluginBroken("\n".join(needed))
    for one in broken:
        log.warning("a plugin is left out", plugin=one.name, reason=one.reason)
    return plugins


def survey(
    points: Iterable[EntryPoint] | None = None, *, disabled: Set[str] = _NOTHING
) -> tuple[list[Plugin], list[Broken]]:
    """Return the plugins that can run or are disabled, in order, and those that are broken."""
    found = entry_points(group=GROUP) if points is None else points
    plugins: dict[str, Plugin] = {}
    broken: dict[str, Broken] = {}
    for point in sorted(found, key=lambda point: (point.name, point.value)):
        required = point.name not in disabled
        try:
            if point.name in plugins:
                raise _broken(point.name, "is installed twice", "Uninstall one of the packages")
            manifest, package, folder = _describe(point)
            required = required and manifest.required
            hooks = None if point.name in disabled else _load(point, manifest, package)
            plugins[point.name] = Plugin(
                manifest=manifest, package=package, folder=folder, hooks=hooks
            )
        except PluginBroken as error:
            broken[point.name] = Broken(name=point.name, reason=str(error), required=required)
    _leave_out_unmet(plugins, broken)
    return _ordered(plugins, broken), [broken[name] for name in sorted(broken)]


def _describe(point: EntryPoint) -> tuple[Manifest, str, Path]:
    """Return what a plugin says of itself, its package and folder. Raises PluginBroken."""
    package = point.module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise _broken(point.name, f"needs its package {package}, which is not there", "Install it")
    folder = Path(spec.origin).parent
    return _manifest(point, folder / "plugin.toml"), package, folder


def _manifest(point: EntryPoint, file: Path) -> Manifest:
    try:
        manifest = msgspec.toml.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise _broken(
            point.name, f"has a {file.name} that cannot be read: {error}", f"Mend {file.name}"
        ) from error
    if manifest.name != point.name:
        raise _broken(
            point.name, f"is called {manifest.name!r} by its plugin.toml", "Give both one name"
        )
    if not _PREFIX.fullmatch(manifest.table_prefix):
        raise _broken(
            point.name,
            f"has the table_prefix {manifest.table_prefix!r} in plugin.toml",
            f"Use small letters, digits and single underscores, such as {point.name}",
        )
    for wish in (*manifest.requires, *manifest.conflicts):
        name, versions = split_wish(wish)
        try:
            within("0", versions or "0")
        except RangeInvalid as error:
            what = f"names {name!r} with an odd range in plugin.toml: {error}"
            raise _broken(point.name, what, "Mend plugin.toml") from error
    return manifest


def _load(point: EntryPoint, manifest: Manifest, package: str) -> ModuleType:
    """Import the hooks of a plugin that is made for this core. Raises PluginBroken."""
    try:
        fits = within(API, manifest.api)
    except RangeInvalid as error:
        raise _broken(point.name, f"has an odd api in plugin.toml: {error}", "Mend it") from error
    if not fits:
        raise _broken(
            point.name,
            f"is made for koipond API {manifest.api}, and this is {API}",
            f"Install a version of {package} for {API}, uninstall it, or run: "
            f"koi plugin disable {point.name}",
        )
    try:
        return importlib.import_module(point.module)
    except Exception as error:
        raise _broken(
            point.name,
            f"importing {point.module} raised {type(error).__name__}: {error}",
            f"Mend or uninstall {package}, or run: koi plugin disable {point.name}",
        ) from error


def _leave_out_unmet(plugins: dict[str, Plugin], broken: dict[str, Broken]) -> None:
    """Move those whose wishes cannot be met; each that goes may take others with it."""
    while True:
        running = {name: one for name, one in plugins.items() if one.hooks is not None}
        unmet = {
            name: reason
            for name, one in running.items()
            if (reason := _unmet(one, running) or _overlapping(one, plugins))
        }
        if not unmet:
            return
        for name, reason in unmet.items():
            gone = plugins.pop(name)
            broken[name] = Broken(name=name, reason=reason, required=gone.manifest.required)


def _unmet(plugin: Plugin, running: Mapping[str, Plugin]) -> str | None:
    """Say which wish of a plugin cannot be met."""
    disable = f"koi plugin disable {plugin.name}"
    for wish in plugin.manifest.requires:
        name, versions = split_wish(wish)
        other = running.get(name)
        if other is None:
            fix = f"Install or enable {name}, or run: {disable}"
            return str(_broken(plugin.name, f"requires {wish}, which does not run", fix))
        if versions and not within(other.manifest.version, versions):
            what = f"requires {wish}, and {name} is at {other.manifest.version}"
            fix = f"Install a version of {name} that fits, or run: {disable}"
            return str(_broken(plugin.name, what, fix))
    for wish in plugin.manifest.conflicts:
        name, versions = split_wish(wish)
        other = running.get(name)
        if other is not None and (not versions or within(other.manifest.version, versions)):
            fix = f"Run: {disable}, or: koi plugin disable {name}"
            return str(_broken(plugin.name, f"cannot run beside {name}", fix))
    return None


def _overlapping(plugin: Plugin, others: Mapping[str, Plugin]) -> str | None:
    """Say whose tables could be taken for this plugin's; of two, the later by name is told."""
    own = f"{plugin.manifest.table_prefix}_"
    for name, other in others.items():
        its = f"{other.manifest.table_prefix}_"
        told = name < plugin.name or (other.hooks is None and name != plugin.name)
        if told and (own.startswith(its) or its.startswith(own)):
            what = f"has the table_prefix {own[:-1]}, which overlaps with {its[:-1]} of {name}"
            fix = "Give it another one in plugin.toml and its tables"
            return str(_broken(plugin.name, what, fix))
    return None


def split_wish(wish: str) -> tuple[str, str]:
    """Split `points>=0.2,<0.3` into a plugin's name and a range, which may be empty."""
    name = re.match(r"[\w-]*", wish)
    assert name is not None, "it may match nothing"
    return name[0], wish[name.end() :].strip()


def _ordered(plugins: dict[str, Plugin], broken: dict[str, Broken]) -> list[Plugin]:
    """Return each after those that it requires, ties by name; those in a circle are broken."""
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for name in sorted(plugins):
            sorter.add(name, *_required(plugins[name], plugins))
        try:
            sorter.prepare()
        except CycleError as error:
            for name in set(error.args[1]):
                what = f"requires itself by way of others ({' -> '.join(error.args[1])})"
                reason = str(_broken(name, what, "Take one of them out of `requires`"))
                gone = plugins.pop(name)
                broken[name] = Broken(name=name, reason=reason, required=gone.manifest.required)
            continue
        order: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            order += ready
            sorter.done(*ready)
        return [plugins[name] for name in order]


def _required(plugin: Plugin, known: Mapping[str, Plugin]) -> Iterator[str]:
    for wish in plugin.manifest.requires:
        name, _ = split_wish(wish)
        if name in known:
            yield name


def _broken(plugin: str, what: str, fix: str) -> PluginBroken:
    return PluginBroken(f"plugin {plugin}: {what}. {fix}.")
