"""A mutation that was kept is called again, with what it was told, as who asked for it."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import strawberry
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from koipond.kernel.context import Context
from koipond.kernel.schema.fields import Access, Info, check_access
from koipond.kernel.schema.walking import NAMES
from koipond.kernel.viewer import PermissionLimited


def find_mutation(info: Info, operation: str) -> StrawberryField | None:
    """Return the mutation of this name in the schema that is asked, or None."""
    root = info._raw_info.schema.mutation_type
    definition = None if root is None else root.fields.get(operation)
    extensions = {} if definition is None else definition.extensions or {}
    found: StrawberryField | None = extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return found


def check_may(mutation: StrawberryField, ctx: Context, channel: str) -> None:
    """Raise PermissionMissing or PermissionLimited for who could not call it themselves.

    channel: the code of the one that it is to be called for; "" if it is of no channel.
    """
    access: Access = mutation.metadata["access"]
    check_access(access, ctx)
    wanted = access.permission
    if wanted is not None and ctx.viewer.limited and not ctx.viewer.may_in(wanted, channel):
        held = ", ".join(sorted(ctx.viewer.channels_for(wanted) or ()))
        raise PermissionLimited(permission=wanted, channels=held)


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
