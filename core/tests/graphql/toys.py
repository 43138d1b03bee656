"""Tiny plugins, made as a test needs them, and schemas built with them."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import strawberry

from koipond.app import make_hooks
from koipond.catalog.graphql import Product
from koipond.catalog.types import CatalogFilter, CatalogSort
from koipond.graphql.assembly import Schemas, build_schemas
from koipond.kernel.dispatch import implement
from koipond.kernel.extensions import Permission
from koipond.kernel.plugins import API, Manifest, Plugin
from koipond.kernel.schema import PUBLIC, Api, Info, SchemaConflict, batch, query


def toy(
    name: str,
    add: Callable[[Api], None] = lambda api: None,
    *,
    queries_products: list[CatalogFilter | CatalogSort] | None = None,
    **manifest: Any,
) -> Plugin:
    """Make a plugin whose package is `toy_<name>` and which adds to the schemas by `add`."""

    def register_graphql(api: Api) -> None:
        add(api)

    package = f"toy_{name}"
    hooks = ModuleType(f"{package}.hooks")
    vars(hooks)["register_graphql"] = implement()(register_graphql)
    if queries_products is not None:

        def catalog_query() -> list[CatalogFilter | CatalogSort]:
            return queries_products

        vars(hooks)["catalog_query"] = implement()(catalog_query)
    wanted = [
        Permission(name=one, description="Of a toy.") for one in manifest.get("permissions", ())
    ]

    def register_permissions() -> list[Permission]:
        return wanted

    vars(hooks)["register_permissions"] = implement()(register_permissions)
    described = Manifest(name=name, version="1", api=API, table_prefix=name, **manifest)
    return Plugin(manifest=described, package=package, folder=Path(__file__).parent, hooks=hooks)


def made_in(package: str, name: str, *, is_input: bool = False, **fields: Any) -> Any:
    """Make a strawberry type as if it stood in a plugin's graphql.py.

    fields: {name: its type, or what strawberry.field made}; methods go along. None: an amount.
    """
    fields = fields or {"amount": int}
    annotations = {field: kind for field, kind in fields.items() if isinstance(kind, type)}
    declared = {field: kind for field, kind in fields.items() if field not in annotations}
    plain = type(name, (), {"__annotations__": annotations, "__module__": __name__, **declared})
    made: Any = strawberry.input(plain) if is_input else strawberry.type(plain)
    made.__module__ = f"{package}.graphql"
    return made


def build(*plugins: Plugin) -> Schemas:
    return build_schemas(plugins, make_hooks(plugins))


def conflicts(*plugins: Plugin) -> list[str]:
    """Return what refuses the start."""
    with pytest.raises(SchemaConflict) as refused:
        build(*plugins)
    return str(refused.value).splitlines()


@strawberry.type
class Hard:
    @batch
    @staticmethod
    async def rank(parents: list[Product], info: Info) -> list[int]:
        """Not nullable."""
        return [1 for _ in parents]


@strawberry.type
class Misplaced:
    @query(PUBLIC)
    async def rank(self, info: Info) -> int:
        """A query."""
        return 1
