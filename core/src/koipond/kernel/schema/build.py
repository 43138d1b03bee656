"""Assembly: concepts and plugins extend types they do not own, and every conflict is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import strawberry
from strawberry.exceptions import DuplicatedTypeName
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import (
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.field import StrawberryField

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import PREFIXES, decode, prefix_of
from koipond.kernel.inputs import InputTypes, Level
from koipond.kernel.schema.errors import (
    error_type,
    field_annotation,
    field_types,
    known_errors,
)
from koipond.kernel.schema.inputs import AddedInput, make_fields, plugins_field, read_type
from koipond.kernel.schema.types import SCALARS, Mutation, Node, Query
from koipond.kernel.viewer import MEMBERS_ONLY

CORE = "koipond"
NodeLoader = Callable[[Context, Any], Awaitable[Node | None]]
_ROOTS = (Query, Mutation)


class SchemaConflict(Exception):
    """What keeps the schema from being built: all conflicts, each with who caused it."""


class SchemaBuilder:
    """One schema in the making. Every part is declared under the package that owns it."""

    def __init__(self) -> None:
        self._extensions: list[tuple[type, type, str]] = []
        self._inputs: list[AddedInput] = []
        self._nodes: dict[str, tuple[Callable[[UUID], Any], NodeLoader]] = {}
        # {owner: the rights that its fields may ask for}, beside those of core.
        self._permissions: dict[str, frozenset[str]] = {}

    def allow(self, owner: str, permissions: Iterable[str]) -> None:
        """Say which rights a plugin's fields may ask for; core's own need not be named."""
        self._permissions[owner] = frozenset(permissions)

    def extend(self, target: type, extension: type, *, owner: str) -> None:
        """Add the fields of the strawberry type `extension` to `target` (Query, Product, …)."""
        self._extensions.append((target, extension, owner))

    def node(self, kind: Callable[[UUID], Any], load: NodeLoader) -> None:
        """Say how `node(id:)` finds things whose id is of `kind`; `load` answers None if hidden."""
        self._nodes[PREFIXES[kind]] = (kind, load)

    def input(self, level: Level, name: str, kind: type, *, owner: str) -> None:
        """Add `name` to the `plugins` of what core's mutations are told at this level."""
        reads = read_type(kind)
        if reads is not None:
            self._inputs.append(
                AddedInput(owner=owner, level=level, name=name, kind=kind, reads=reads)
            )

    @property
    def input_types(self) -> InputTypes:
        """What the plugins' inputs are kept as."""
        return InputTypes({(one.level, one.owner): one.reads for one in self._inputs})

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

    def build(self, packages: set[str]) -> strawberry.Schema:
        """Assemble the schema. Raises SchemaConflict, naming every conflict at once.

        packages: the top-level packages whose refusals belong to it.
        """
        extra, conflicts = self._collect()
        errors = known_errors(packages)
        conflicts += _error_conflicts(errors)
        if conflicts:
            raise SchemaConflict("\n".join(sorted(conflicts)))

        inputs = make_fields(self._inputs)

        class Extended(strawberry.Schema):
            def get_fields(
                self, type_definition: StrawberryObjectDefinition
            ) -> list[StrawberryField]:
                cls = type_definition.origin
                return [
                    *type_definition.fields,
                    *extra.get(cls, ()),
                    *plugins_field(cls, inputs),
                ]

        try:
            return Extended(
                query=Query,
                mutation=Mutation if extra.get(Mutation) else None,
                types=[error_type(cls) for cls in errors],
                config=StrawberryConfig(scalar_map=SCALARS),
            )
        except DuplicatedTypeName as error:
            holders = sorted(_module(cls) for cls in (error.first_cls, error.second_cls))
            raise SchemaConflict(
                f"{' and '.join(holders)}: {error.message}. Rename one; a plugin's types carry its "
                "prefix"
            ) from error

    def _collect(self) -> tuple[dict[type, list[StrawberryField]], list[str]]:
        names = NameConverter()
        owners: dict[tuple[type, str], str] = {}
        extra: dict[type, list[StrawberryField]] = defaultdict(list)
        conflicts: list[str] = []
        for target, extension, owner in self._extensions:
            own = {names.get_graphql_name(field) for field in _definition(target).fields}
            for field in _definition(extension).fields:
                name = names.get_graphql_name(field)
                holder = CORE if name in own else owners.get((target, name))
                problem = _problem(
                    target, field, owner=owner, holder=holder
                ) or self._permission_problem(field, owner)
                if problem:
                    conflicts.append(f"{owner}: {target.__name__}.{name} {problem}")
                else:
                    owners[target, name] = owner
                    extra[target].append(field)
        return extra, conflicts

    def _permission_problem(self, field: StrawberryField, owner: str) -> str | None:
        """Say that a plugin's field asks for a right that nobody has."""
        access = field.metadata.get("access")
        if owner == CORE or access is None or access.permission in {None, MEMBERS_ONLY}:
            return None
        own = self._permissions.get(owner, frozenset())
        if access.permission in own | self._core_permissions():
            return None
        return (
            f"asks for the permission {access.permission!r}, which there is not. Return it in "
            f"register_permissions, or ask for one of: {', '.join(sorted(own)) or 'none yet'}"
        )

    def _core_permissions(self) -> set[str | None]:
        return {
            field.metadata["access"].permission
            for _, extension, owner in self._extensions
            if owner == CORE
            for field in _definition(extension).fields
            if "access" in field.metadata
        }


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


def _module(cls: type | None) -> str:
    return cls.__module__ if cls else "?"


def _definition(cls: type) -> StrawberryObjectDefinition:
    return get_object_definition(cls, strict=True)


def _problem(target: type, field: StrawberryField, *, owner: str, holder: str | None) -> str | None:
    if holder is not None:
        return f"is already declared by {holder}: rename yours"
    if field.base_resolver is None:
        return "has no resolver: declare it with @batch, @query or @mutation"
    if target in _ROOTS:
        return None if "access" in field.metadata else "says nothing about who may use it"
    if owner != CORE and not isinstance(field.type, StrawberryOptional):
        return "must be nullable: a shop may run without this plugin"
    return None


def _error_conflicts(errors: list[type[DomainError]]) -> list[str]:
    """Same-named fields of all members of UserError must have one type, and codes be unique."""
    conflicts = []
    kinds: dict[str, tuple[Any, type[DomainError]]] = {}
    codes: dict[str, type[DomainError]] = {}
    for cls in errors:
        other = codes.setdefault(cls.code, cls)
        if other is not cls:
            conflicts.append(f"{cls.__module__}: {cls.__name__} has the code of {other.__name__}")
        for name, kind in field_types(cls).items():
            shown = field_annotation(kind)
            known, holder = kinds.setdefault(name, (shown, cls))
            if known != shown:
                conflicts.append(
                    f"{cls.__module__}: {cls.__name__}.{name} is {shown}, but "
                    f"{holder.__name__}.{name} is {known}: give them one type or two names"
                )
    return conflicts
