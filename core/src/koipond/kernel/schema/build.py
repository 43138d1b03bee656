"""Assembly: concepts and plugins extend types they do not own, and every conflict is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import PREFIXES, decode, prefix_of
from koipond.kernel.inputs import InputTypes, Level
from koipond.kernel.schema import conflicts
from koipond.kernel.schema.conflicts import AddedField, asked
from koipond.kernel.schema.errors import error_type, known_errors
from koipond.kernel.schema.inputs import (
    AddedInput,
    make_fields,
    plugins_field,
    read_type,
    with_enums,
)
from koipond.kernel.schema.owners import CORE, Owner
from koipond.kernel.schema.types import SCALARS, Mutation, Node, Query, Subscription
from koipond.kernel.schema.walking import walk

NodeLoader = Callable[[Context, Any], Awaitable[Node | None]]


class SchemaConflict(Exception):
    """What keeps the schema from being built: all conflicts, each with who caused it."""


class SchemaBuilder:
    """One schema in the making. Every part is declared under the package that owns it."""

    def __init__(self, *, staff: bool = False) -> None:
        """staff: it is their schema, where each field of a plugin says who may see it."""
        self._staff = staff
        self._added: list[AddedField] = []
        self._inputs: list[AddedInput] = []
        self._grown: dict[type, StrawberryField] = {}
        self._enums: dict[type, type] = {}
        self._nodes: dict[str, tuple[Callable[[UUID], Any], NodeLoader]] = {}

    def extend(self, target: type, extension: type, *, owner: str) -> None:
        """Add the fields of the strawberry type `extension` to `target` (Query, Product, …)."""
        fields = get_object_definition(extension, strict=True).fields
        self._added += [AddedField(target=target, field=one, owner=owner) for one in fields]

    def node(self, kind: Callable[[UUID], Any], load: NodeLoader) -> None:
        """Say how `node(id:)` finds things whose id is of `kind`; `load` answers None if hidden."""
        self._nodes[PREFIXES[kind]] = (kind, load)

    def input(self, level: Level, name: str, kind: type, *, owner: str) -> None:
        """Add `name` to the `plugins` of what core's mutations are told at this level."""
        self._inputs.append(AddedInput(owner=owner, level=level, name=name, kind=kind))

    def grow(self, target: type, field: StrawberryField) -> None:
        """Add a field to an input class of core, which is marked by `grows`."""
        self._grown[target] = field

    def replace_enum(self, target: type, made: type) -> None:
        """Put an enum in the place of one of core's, wherever that is an argument."""
        self._enums[target] = made

    @property
    def added(self) -> Sequence[AddedField]:
        """The fields that were added, with the type and the owner of each."""
        return self._added

    @property
    def permissions(self) -> set[str]:
        """The permissions that the added fields ask for."""
        return {wanted for one in self._added if (wanted := asked(one.field)) is not None}

    @property
    def input_types(self) -> InputTypes:
        """What the plugins' inputs are kept as."""
        sound = [one for one in self._inputs if read_type(one.kind) is not None]
        return InputTypes({(one.level, one.owner): one.reads for one in sound})

    async def find_node(self, ctx: Context, value: str) -> Node | None:
        """Return what an outside id stands for; unknown, tampered and foreign are all None."""
        kind, load = self._nodes.get(prefix_of(value), (None, None))
        if kind is None or load is None:
            return None
        try:
            key = decode(kind, value)
        except DomainError:
            return None
        return await load(ctx, key)

    def find_conflicts(
        self,
        packages: set[str],
        owners: Sequence[Owner] = (),
        permissions: AbstractSet[str] | None = None,
    ) -> set[str]:
        """Return everything that keeps the schema from being built, each with the way out.

        owners: the plugins. permissions: those that there are; None: that is not looked at.
        """
        errors = known_errors(packages)
        refusals = set(conflicts.error_conflicts(errors, owners))
        found = {
            *refusals,
            *conflicts.input_conflicts(self._inputs),
            *conflicts.field_conflicts(self._added, staff=self._staff),
        }
        kinds = [one.kind for one in self._inputs]
        if not refusals:
            kinds += [error_type(cls) for cls in errors]
        types = walk([one.field for one in self._added], kinds, self._extra().__getitem__)
        found.update(conflicts.type_conflicts(types, owners))
        if permissions is not None:
            found.update(conflicts.permission_conflicts(self._added, permissions, types, owners))
        return found

    def build(self, packages: set[str]) -> strawberry.Schema:
        """Assemble the schema of what `find_conflicts` finds nothing wrong with.

        packages: those whose refusals belong to it.
        """
        inputs, grown = make_fields(self._inputs), self._grown
        extra = {
            cls: [with_enums(field, self._enums) for field in fields]
            for cls, fields in self._extra().items()
        }

        class Extended(strawberry.Schema):
            def get_fields(
                self, type_definition: StrawberryObjectDefinition
            ) -> list[StrawberryField]:
                cls = type_definition.origin
                return [
                    *type_definition.fields,
                    *extra.get(cls, ()),
                    *plugins_field(cls, inputs),
                    *([grown[cls]] if cls in grown else []),
                ]

        return Extended(
            query=Query,
            mutation=Mutation if extra.get(Mutation) else None,
            subscription=Subscription if extra.get(Subscription) else None,
            types=[error_type(cls) for cls in known_errors(packages)],
            config=StrawberryConfig(scalar_map=SCALARS),
        )

    def _extra(self) -> dict[type, list[StrawberryField]]:
        extra: dict[type, list[StrawberryField]] = defaultdict(list)
        for one in self._added:
            extra[one.target].append(one.field)
        return extra


class Api:
    """Both schemas, as one package sees them: what it adds is kept under its name."""

    def __init__(
        self, storefront: SchemaBuilder, admin: SchemaBuilder, *, owner: str = CORE
    ) -> None:
        self._storefront = storefront
        self._admin = admin
        self.owner = owner

    def storefront(self, target: type, extension: type) -> None:
        """Add fields to a type of the storefront's schema."""
        self._storefront.extend(target, extension, owner=self.owner)

    def admin(self, target: type, extension: type) -> None:
        """Add fields to a type of the staff's schema."""
        self._admin.extend(target, extension, owner=self.owner)

    def both(self, target: type, extension: type) -> None:
        """Add fields to a type that is in both schemas."""
        self.storefront(target, extension)
        self.admin(target, extension)

    def line_input(self, name: str, kind: type) -> None:
        """Add an input about one line to `plugins`, as the field `name`: one per plugin.

        kind: a strawberry input whose method `read` returns a PluginInput and may raise refusals.
        """
        self._input(Level.LINE, name, kind)

    def order_input(self, name: str, kind: type) -> None:
        """Add an input about an order to `plugins`; else as `line_input`."""
        self._input(Level.ORDER, name, kind)

    def _input(self, level: Level, name: str, kind: type) -> None:
        for builder in (self._storefront, self._admin):
            builder.input(level, name, kind, owner=self.owner)

    def node(self, kind: Callable[[UUID], Any], load: NodeLoader) -> None:
        """Say how `node(id:)` finds things whose id is of `kind`."""
        self._storefront.node(kind, load)
