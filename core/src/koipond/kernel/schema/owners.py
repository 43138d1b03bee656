"""Who adds to the schemas, and which names they said that they would add."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from koipond.kernel.plugins import Manifest, Plugin

CORE = "koipond"
# {root: the list of plugin.toml that names what is added to it}; all else is in `fields`.
LISTS = {"Query": "queries", "Mutation": "mutations", "Subscription": "subscriptions"}
FIELDS = "fields"


class Owner(Struct, frozen=True, kw_only=True):
    """A plugin as the schemas see it.

    prefix: what the names of its types start with. declared: {"Query.checkIn": the list of its
    plugin.toml that has it}.
    """

    name: str
    package: str
    prefix: str
    declared: dict[str, str]

    @classmethod
    def of(cls, plugin: Plugin) -> Owner:
        """Return what the schemas are told of a plugin."""
        return cls(
            name=plugin.name,
            package=plugin.package,
            prefix=find_prefix(plugin.manifest),
            declared=find_declared(plugin.manifest),
        )

    def has(self, module: str) -> bool:
        """Tell whether a module is a part of this plugin."""
        return f"{module}.".startswith(f"{self.package}.")


def find_prefix(manifest: Manifest) -> str:
    """Return what the plugin's types start with: group-buy without a word about it has GroupBuy."""
    words = manifest.name.replace("_", "-").split("-")
    return manifest.graphql_prefix or "".join(word[:1].upper() + word[1:] for word in words)


def find_declared(manifest: Manifest) -> dict[str, str]:
    """Return {field: the list that has it} of a manifest."""
    roots = {
        f"{root}.{name}": list_name
        for root, list_name in LISTS.items()
        for name in getattr(manifest, list_name)
    }
    return roots | dict.fromkeys(manifest.fields, FIELDS)


def owner_of(cls: type, owners: Iterable[Owner]) -> str:
    """Return the plugin that a class belongs to, else the module in which it stands."""
    return next((one.name for one in owners if one.has(cls.__module__)), cls.__module__)
