"""A mutation that was kept is called again, with what it was told, as who asked for it."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import strawberry
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from koipond.kernel.context import Context
from koipond.kernel.schema.fields import Info, check_access
from koipond.kernel.schema.walking import NAMES


def find_mutation(info: Info, operation: str) -> StrawberryField | None:
    """Return the mutation of this name in the schema that is asked, or None."""
    root = info._raw_info.schema.mutation_type
    definition = None if root is None else root.fields.get(operation)
    extensions = {} if definition is None else definition.extensions or {}
    found: StrawberryField | None = extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return found


def check_may(mutation: StrawberryField, ctx: Context) -> None:
    """Raise PermissionMissing or PermissionLimited for who could not call it themselves."""
    check_access(mutation.metadata["access"], ctx)


async def call_again(info: Info, mutation: StrawberryField, document: Any, ctx: Context) -> Any:
    """Call a mutation with an input as `msgspec.to_builtins` wrote it; returns its payload."""
    resolver = mutation.base_resolver
    assert resolver is not None, "mutations have resolvers"
    run: Any = resolver.wrapped_func
    kind = get_type_hints(run, include_extras=True)["input"]
    # Private to strawberry, which has no other way to call a field for another context.
    raw = info._raw_info._replace(context=ctx, field_name=NAMES.get_graphql_name(mutation))
    return await run(
        None, strawberry.Info(_raw_info=raw, _field=mutation), input=_read(document, kind)
    )


def _read(document: Any, kind: Any) -> Any:
    return msgspec.convert(document, type=kind, strict=False)
