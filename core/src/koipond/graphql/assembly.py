"""Builds both schemas from what the concepts of core and the plugins declare."""

from collections.abc import Sequence

import strawberry
from msgspec import Struct

from koipond.approval import graphql as approval
from koipond.audit import graphql as audit
from koipond.calling import Hooks
from koipond.catalog import graphql as catalog
from koipond.catalog.rules import query_conflicts
from koipond.channel import graphql as channel
from koipond.delivery import graphql as delivery
from koipond.exports import graphql as exports
from koipond.fulfilment import graphql as fulfilment
from koipond.imports import graphql as imports
from koipond.kernel.inputs import InputTypes
from koipond.kernel.plugins import Plugin
from koipond.kernel.schema import (
    PUBLIC,
    Api,
    Info,
    Node,
    Query,
    SchemaBuilder,
    SchemaConflict,
    query,
)
from koipond.kernel.schema.conflicts import declaration_conflicts
from koipond.kernel.schema.owners import CORE, Owner
from koipond.login import graphql as login
from koipond.member import graphql as member
from koipond.notify import graphql as notify
from koipond.oneid import graphql as oneid
from koipond.order import graphql as order
from koipond.plugin import graphql as plugin_settings
from koipond.privacy import graphql as privacy
from koipond.staff import graphql as staff
from koipond.stock import graphql as stock
from koipond.tax import graphql as tax
from koipond.webhooks import graphql as webhooks

# The hooks that `build_schemas` calls.
_ADDING = ("register_graphql", "register_permissions", "catalog_query")
_CONCEPTS = (
    channel,
    staff,
    audit,
    approval,
    delivery,
    plugin_settings,
    webhooks,
    notify,
    member,
    login,
    tax,
    catalog,
    stock,
    fulfilment,
    order,
    imports,
    exports,
    oneid,
    privacy,
)


class Schemas(Struct, frozen=True, kw_only=True):
    """What storefronts see and what staff see. permissions: what their fields ask for."""

    storefront: strawberry.Schema
    admin: strawberry.Schema
    permissions: frozenset[str]


def build_schemas(plugins: Sequence[Plugin], hooks: Hooks) -> Schemas:
    """Build both schemas. Raises SchemaConflict and HookMistake, naming every plugin at fault."""
    storefront, admin = SchemaBuilder(), SchemaBuilder(staff=True)
    api = Api(storefront, admin)
    for concept in _CONCEPTS:
        concept.register(api)
    api.storefront(Query, _node_queries(storefront))
    registered = {one.name for each in plugins for one in hooks.register_permissions(each.name)}
    known = registered | storefront.permissions | admin.permissions
    _let_add(plugins, hooks, storefront, admin)
    owners = [Owner.of(plugin) for plugin in plugins]
    packages = {CORE, *(plugin.package for plugin in plugins)}
    found = {
        *query_conflicts(hooks.catalog_query()),
        *declaration_conflicts([*storefront.added, *admin.added], owners),
        *storefront.find_conflicts(packages, owners, known),
        *admin.find_conflicts(packages, owners, known),
    }
    if found:
        raise SchemaConflict("\n".join(sorted(found)))
    filters, sorts = hooks.catalog_filters(), hooks.catalog_sorts()
    for builder in (storefront, admin):
        catalog.add_plugin_queries(builder, list(filters.values()), list(sorts.values()))
    return Schemas(
        storefront=storefront.build(packages),
        admin=admin.build(packages),
        permissions=frozenset(storefront.permissions | admin.permissions),
    )


def adds_to_schema(plugin: Plugin) -> bool:
    """Tell whether a plugin adds anything to a schema, or says that it does."""
    manifest = plugin.manifest
    told = (manifest.queries, manifest.mutations, manifest.subscriptions, manifest.fields)
    return any(told) or any(hasattr(plugin.hooks, name) for name in _ADDING)


def find_input_types(plugins: Sequence[Plugin], hooks: Hooks) -> InputTypes:
    """Return what the plugins read from their inputs, without building a schema.

    Raises HookMistake.
    """
    storefront, admin = SchemaBuilder(), SchemaBuilder()
    _let_add(plugins, hooks, storefront, admin)
    return storefront.input_types


def find_permissions(schemas: Schemas) -> frozenset[str]:
    """Return every permission that a field of either schema asks for."""
    return schemas.permissions


def _let_add(
    plugins: Sequence[Plugin], hooks: Hooks, storefront: SchemaBuilder, admin: SchemaBuilder
) -> None:
    for plugin in plugins:
        hooks.register_graphql(plugin.name, Api(storefront, admin, owner=plugin.name))


def _node_queries(builder: SchemaBuilder) -> type:
    @strawberry.type
    class NodeQueries:
        @query(PUBLIC)
        async def node(self, info: Info, id: strawberry.ID) -> Node | None:
            """Anything by its id; null if there is nothing that you may see."""
            return await builder.find_node(info.context, id)

    return NodeQueries
