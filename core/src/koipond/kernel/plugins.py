"""Plugins: found by entry point, described by plugin.toml, which is read without importing them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import msgspec
from msgspec import Struct

GROUP = "koipond.plugins"
API = "0.1"


class PluginBroken(Exception):
    """An installed plugin that cannot be loaded: names the plugin, the reason and the way out."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plugin says of itself in plugin.toml."""

    name: str
    version: str
    # The version of core's contract that it was written for.
    api: str
    # Every table of the plugin starts with this.
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


class Plugin(Struct, frozen=True, kw_only=True):
    """A plugin that is installed and could be loaded."""

    manifest: Manifest
    package: str
    folder: Path
    hooks: ModuleType

    @property
    def name(self) -> str:
        """The plugin's name, as in its manifest."""
        return self.manifest.name


def discover(points: Iterable[EntryPoint] | None = None) -> list[Plugin]:
    """Load every installed plugin, by name. Raises PluginBroken for the first that cannot be."""
    found = entry_points(group=GROUP) if points is None else points
    return [_load(point) for point in sorted(found, key=lambda point: point.name)]


def _load(point: EntryPoint) -> Plugin:
    package = point.module.partition(".")[0]
    folder = _folder(point, package)
    manifest = _manifest(point, folder / "plugin.toml")
    if manifest.name != point.name:
        raise PluginBroken(
            f"plugin {point.name}: plugin.toml calls it {manifest.name!r}. Give both one name."
        )
    if manifest.api != API:
        raise PluginBroken(
            f"plugin {point.name}: made for koipond API {manifest.api}, this is {API}. "
            f"Install a version of koipond-{point.name} for {API}, or uninstall it."
        )
    try:
        hooks = importlib.import_module(point.module)
    except Exception as error:
        raise PluginBroken(
            f"plugin {point.name}: importing {point.module} raised {error!r}. "
            f"Mend or uninstall the package {package}."
        ) from error
    return Plugin(manifest=manifest, package=package, folder=folder, hooks=hooks)


def _folder(point: EntryPoint, package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise PluginBroken(
            f"plugin {point.name}: its package {package} is not installed. Install it."
        )
    return Path(spec.origin).parent


def _manifest(point: EntryPoint, file: Path) -> Manifest:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise PluginBroken(f"plugin {point.name}: {file.name} cannot be read: {error}") from error
