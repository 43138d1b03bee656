"""Builds both schemas from what the concepts of core and the plugins declare."""

from collections.abc import Sequence

import strawberry
from msgspec import Struct
from strawberry.types import get_object_definition

from koipond.catalog import graphql as catalog
from koipond.channel import graphql as channel
from koipond.hooks import Hooks
from koipond.imports import errors as _imports  # noqa: F401  # its refusals are types as well
from koipond.kernel.inputs import InputTypes
from koipond.kernel.plugins import Plugin
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Api,
    Info,
    Mutation,
    Node,
    Query,
    SchemaBuilder,
    query,
)
from koipond.kernel.schema.build import CORE
from koipond.member import graphql as member
from koipond.order import graphql as order
from koipond.payment import graphql as payment
from koipond.plugin import graphql as plugin_settings
from koipond.stock import graphql as stock

_CONCEPTS = (channel, plugin_settings, member, catalog, stock, payment, order)


class Schemas(Struct, frozen=True, kw_only=True):
    """What storefronts see and what staff see."""

    storefront: strawberry.Schema
    admin: strawberry.Schema


def build_schemas(plugins: Sequence[Plugin], hooks: Hooks) -> Schemas:
    """Build both schemas. Raises SchemaConflict and HookMistake, naming the plugin."""
    storefront, admin = SchemaBuilder(), SchemaBuilder()
    api = Api(storefront, admin)
    for concept in _CONCEPTS:
        concept.register(api)
    api.storefront(Query, _node_queries(storefront))
    for plugin in plugins:
        permissions = [one.name for one in hooks.register_permissions(plugin.name)]
        for builder in (storefront, admin):
            builder.allow(plugin.name, permissions)
        hooks.register_graphql(plugin.name, Api(storefront, admin, owner=plugin.name))
    packages = {CORE, *(plugin.package for plugin in plugins)}
    return Schemas(storefront=storefront.build(packages), admin=admin.build(packages))


def find_input_types(plugins: Sequence[Plugin], hooks: Hooks) -> InputTypes:
    """Return what the plugins read from their inputs, without building a schema.

    Raises HookMistake.
    """
    storefront, admin = SchemaBuilder(), SchemaBuilder()
    for plugin in plugins:
        hooks.register_graphql(plugin.name, Api(storefront, admin, owner=plugin.name))
    return storefront.input_types


def find_permissions(schemas: Schemas) -> set[str]:
    """Return every permission that a root field of either schema asks for."""
    roots = [get_object_definition(root, strict=True) for root in (Query, Mutation)]
    fields = (
        field
        for schema in (schemas.storefront, schemas.admin)
        for root in roots
        for field in schema.get_fields(root)
    )
    asked = {field.metadata["access"].permission for field in fields}
    return asked - {None, MEMBER.permission}


def _node_queries(builder: SchemaBuilder) -> type:
    @strawberry.type
    class NodeQueries:
        @query(PUBLIC)
        async def node(self, info: Info, id: strawberry.ID) -> Node | None:
            """Anything by its id; null if there is nothing that you may see."""
            return await builder.find_node(info.context, id)

    return NodeQueries
