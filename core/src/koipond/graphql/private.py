"""The names that strawberry and graphql-core do not promise to keep; the kernel, which is below
this, leans on one more (kernel/schema/asking.py).

core/tests/graphql/test_private.py fails when one of them moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments as _convert
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.field import StrawberryField

if TYPE_CHECKING:
    from koipond.graphql.executor.failing import Run
    from koipond.graphql.executor.plan import PlannedField

__all__ = [
    "GAVE_UP",
    "NO_VARIABLES",
    "FieldDetails",
    "FragmentDetails",
    "GroupedFieldSet",
    "StrawberryField",
    "VariableValues",
    "collect_fields",
    "collect_subfields",
    "convert_arguments",
    "core_schema",
    "declared_field",
    "info_of",
    "is_attribute",
    "is_told_by_class",
    "resolve_info",
]


# Of an operation that declares none, and is given none.
NO_VARIABLES = VariableValues({}, {})
# All that graphql-core says where validating a document would take too long.
GAVE_UP = "Validation aborted."
_OBJECTS = GraphQLCoreConverter.from_object.__name__


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the graphql-core schema that a strawberry schema was turned into."""
    return schema._schema


def declared_field(definition: GraphQLField) -> StrawberryField | None:
    """Return what a field was declared as with strawberry, if it was."""
    found: StrawberryField | None = (definition.extensions or {}).get(
        GraphQLCoreConverter.DEFINITION_BACKREF
    )
    return found


def is_told_by_class(kind: GraphQLObjectType, value: Any) -> bool:
    """Tell whether what a type says of an object it says of all objects of its class.

    Strawberry's own check does, unless `strawberry.cast` said what this one object is.
    """
    name = getattr(kind.is_type_of, "__qualname__", "")
    own = name.startswith(f"{GraphQLCoreConverter.__qualname__}.{_OBJECTS}.")
    return own and TYPE_CAST_ATTRIBUTE not in getattr(value, "__dict__", {})


def is_attribute(definition: GraphQLField) -> bool:
    """Tell whether a field is declared without a resolver: its parent's attribute answers it."""
    declared = declared_field(definition)
    return (
        declared is not None
        and declared.is_basic_field
        and declared.default_resolver is getattr
        and getattr(definition.resolve, "__name__", "") == "_get_basic_result"
    )


def info_of(declared: StrawberryField, raw: GraphQLResolveInfo[Any]) -> strawberry.Info[Any, Any]:
    """Return what strawberry tells a resolver of where it is called."""
    schema = raw.schema._strawberry_schema  # type: ignore[attr-defined]  # strawberry leaves it there
    info: strawberry.Info[Any, Any] = schema.config.info_class(_raw_info=raw, _field=declared)
    return info


def convert_arguments(
    declared: StrawberryField, arguments: dict[str, Any], info: strawberry.Info[Any, Any]
) -> dict[str, Any]:
    """Return {Python name: value} with strawberry's input types made of what graphql-core read."""
    if not arguments:
        return {}
    converter = info.schema.schema_converter
    return _convert(
        arguments,
        declared.arguments,
        scalar_registry=converter.scalar_registry,
        config=info.schema.config,
        info=info,
    )


def resolve_info(run: Run, field: PlannedField, path: Path) -> GraphQLResolveInfo[Any]:
    """Return what graphql-core tells a resolver of where it is called."""
    plan = run.plan
    return GraphQLResolveInfo(
        field.name,
        list(field.nodes),
        field.kind,
        field.parent,
        path,
        plan.schema,
        dict(plan.fragments),
        run.root_value,
        plan.operation,
        run.variables,
        run.context,
        is_awaitable,
        None,
        _HELPERS,
    )


async def _gather(awaited: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*awaited))


def _track(awaited: Sequence[Any]) -> None:
    """What is left behind was begun by nobody: it is closed when it is collected."""


_HELPERS = GraphQLResolveInfoHelpers(_gather, _track)
