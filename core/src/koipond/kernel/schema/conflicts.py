"""What keeps schemas from being built: each line names who, what, the mistake and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct
from strawberry.types.base import (
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.field import StrawberryField

from koipond.kernel.errors import DomainError
from koipond.kernel.schema.errors import UserError, field_annotation, field_types
from koipond.kernel.schema.fields import MEMBER, Access
from koipond.kernel.schema.inputs import AddedInput, read_type
from koipond.kernel.schema.owners import CORE, FIELDS, LISTS, Owner, owner_of
from koipond.kernel.schema.types import Mutation, Query, Subscription
from koipond.kernel.schema.walking import NAMES, name_of, origin_of

ROOTS = (Query, Mutation, Subscription)
_PARENT_BY_PARENT = (
    "is answered parent by parent: declare it with @batch, which answers for all of them at once"
)


class AddedField(Struct, frozen=True, kw_only=True):
    """A field that a package adds to a type of another one, or to a root."""

    target: type
    field: StrawberryField
    owner: str

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return NAMES.get_graphql_name(self.field)

    @property
    def place(self) -> str:
        """The field as plugin.toml names it: Product.flashSale."""
        definition = get_object_definition(self.target, strict=True)
        return f"{NAMES.from_type(definition)}.{self.name}"


def asked(field: StrawberryField) -> str | None:
    """Return the permission that a field asks for; None if it asks for none."""
    access: Access | None = field.metadata.get("access")
    return None if access is None or access == MEMBER else access.permission


def field_conflicts(added: Sequence[AddedField], *, staff: bool) -> Iterator[str]:
    """Say what is wrong with fields that were added to others' types. staff: to their schema."""
    holders: dict[tuple[type, str], str] = {}
    for one in added:
        definition = get_object_definition(one.target, strict=True)
        own = {NAMES.get_graphql_name(field) for field in definition.fields}
        holder = CORE if one.name in own else holders.get((one.target, one.name))
        problem = _field_problem(one, definition, holder=holder, staff=staff)
        if problem:
            yield f"{one.owner}: {one.place} {problem}"
        holders.setdefault((one.target, one.name), one.owner)


def permission_conflicts(
    added: Sequence[AddedField],
    known: AbstractSet[str],
    types: Iterable[Any],
    owners: Sequence[Owner],
) -> Iterator[str]:
    """Say which plugins' fields ask for a permission that nobody can be given."""
    fields = [(one.owner, one.place, one.field) for one in added if one.owner != CORE]
    for owner, place, field in (*fields, *_own_fields(types, owners)):
        wanted = asked(field)
        if wanted is not None and wanted not in known:
            there_are = ", ".join(sorted(known)) or "none"
            yield (
                f"{owner}: {place} asks for the permission {wanted}, which nobody registers: name "
                f"it in register_permissions, or ask for one that there is: {there_are}"
            )


def type_conflicts(types: Sequence[Any], owners: Sequence[Owner]) -> Iterator[str]:
    """Say which types have one name, lack their plugin's prefix, or wait parent by parent."""
    holders: dict[str, type] = {}
    for definition in sorted(types, key=name_of):
        name, cls = name_of(definition), origin_of(definition)
        holder = holders.setdefault(name, cls)
        # Two refusals of one name are told by `error_conflicts`.
        if holder is not cls and not (issubclass(holder, UserError) and issubclass(cls, UserError)):
            both = " and ".join(sorted({owner_of(one, owners) for one in (holder, cls)}))
            yield (
                f"{both}: the type {name} is declared twice, as {_where(holder)} and as "
                f"{_where(cls)}: rename one; a plugin's types carry its prefix"
            )
    for owner, definition in _own_types(types, owners):
        name = name_of(definition)
        if not name.startswith(owner.prefix):
            yield (
                f"{owner.name}: the type {name} lacks the prefix of the plugin: call it "
                f"{owner.prefix}{name}, or set graphql_prefix in its plugin.toml"
            )
    for plugin, place, field in _own_fields(types, owners):
        if field.base_resolver is not None and field.is_async and not _is_batch(field):
            yield f"{plugin}: {place} {_PARENT_BY_PARENT}"


def declaration_conflicts(added: Sequence[AddedField], owners: Sequence[Owner]) -> Iterator[str]:
    """Say where plugin.toml and the fields that a plugin adds differ."""
    for owner in owners:
        used = {
            one.place
            for one in added
            if one.owner == owner.name and not owner.has(one.target.__module__)
        }
        for place in sorted(used - set(owner.declared)):
            root, _, name = place.partition(".")
            list_name, entry = (LISTS[root], name) if root in LISTS else (FIELDS, place)
            yield (
                f'{owner.name}: {place} is not in its plugin.toml: add "{entry}" to {list_name}, '
                "or do not add the field"
            )
        for place in sorted(set(owner.declared) - used):
            yield (
                f"{owner.name}: {place} is in {owner.declared[place]} of its plugin.toml, and "
                "nothing adds it: take it out there, or add the field"
            )


def input_conflicts(added: Sequence[AddedInput]) -> Iterator[str]:
    """Say what is wrong with the inputs of plugins."""
    names: dict[tuple[str, str], str] = {}
    plugins: dict[tuple[str, str], str] = {}
    for one in added:
        where = f"{one.owner}: the {one.level} input plugins.{one.name}"
        definition = get_object_definition(one.kind)
        if definition is None or not definition.is_input:
            yield f"{where} is {one.kind.__name__}, no input: mark it with @strawberry.input"
        elif read_type(one.kind) is None:
            yield (
                f"{where} cannot be read: give {one.kind.__name__} a method `read(self)` whose "
                "return annotation is your subclass of PluginInput"
            )
        other = plugins.setdefault((one.level, one.owner), one.name)
        if other != one.name:
            yield f"{where} is its second one beside plugins.{other}: put both into one input"
        holder = names.setdefault((one.level, one.name), one.owner)
        if holder != one.owner:
            yield f"{where} is already declared by {holder}: rename yours"


def error_conflicts(errors: Sequence[type[DomainError]], owners: Sequence[Owner]) -> Iterator[str]:
    """Say which refusals have one code or one name, or fields that the schema cannot have.

    Same-named fields of all members of UserError must have one type.
    """
    codes: dict[str, type[DomainError]] = {}
    names: dict[str, type[DomainError]] = {}
    kinds: dict[str, tuple[Any, type[DomainError]]] = {}
    for cls in errors:
        who = owner_of(cls, owners)
        same_code, same_name = codes.setdefault(cls.code, cls), names.setdefault(cls.__name__, cls)
        if same_code is not cls:
            other = f"{same_code.__name__} of {owner_of(same_code, owners)}"
            yield f"{who}: {cls.__name__} has the code {cls.code} of {other}: give it another"
        elif same_name is not cls:
            whose = owner_of(same_name, owners)
            yield f"{who}: {cls.__name__} has the name of a refusal of {whose}: rename it"
        for name, kind in field_types(cls).items():
            try:
                shown = field_annotation(kind)
            except TypeError as error:
                yield f"{who}: {cls.__name__}.{name}: {error}"
                continue
            known, holder = kinds.setdefault(name, (shown, cls))
            if known != shown:
                other = f"{holder.__name__}.{name} of {owner_of(holder, owners)}"
                yield (
                    f"{who}: {cls.__name__}.{name} is {shown.__name__}, but {other} is "
                    f"{known.__name__}: give them one type or two names"
                )


def _field_problem(
    one: AddedField, definition: StrawberryObjectDefinition, *, holder: str | None, staff: bool
) -> str | None:
    if definition.is_input:
        return (
            "cannot be added: inputs are not extended. Add one of your own with api.line_input or "
            "api.order_input"
        )
    if holder is not None:
        return f"is already declared by {holder}: rename yours"
    if one.field.base_resolver is None:
        return "has no resolver: declare it with @batch, @query, @mutation or @subscription"
    if one.target in ROOTS:
        return _root_problem(one.field, one.target.__name__.lower())
    return None if one.owner == CORE else _relation_problem(one.field, staff=staff)


def _root_problem(field: StrawberryField, root: str) -> str | None:
    """Say what is wrong with a field that is added to a root."""
    if "access" not in field.metadata:
        return (
            "says nothing about who may use it: declare it with "
            f"@{root}(PUBLIC), @{root}(MEMBER) or @{root}(needs(…))"
        )
    used = field.metadata.get("root", "batch")
    return None if used == root else f"is declared with @{used}: use @{root}"


def _relation_problem(field: StrawberryField, *, staff: bool) -> str | None:
    """Say what is wrong with a field that a plugin adds to a type of core."""
    if not _is_batch(field):
        return _PARENT_BY_PARENT
    if not isinstance(field.type, StrawberryOptional):
        return "must be nullable: a shop may run without this plugin"
    if staff and "access" not in field.metadata:
        return (
            "says nothing about who of the staff may see it: declare it with @batch(needs(…)), or "
            "@batch(PUBLIC) if everyone who sees its parent may"
        )
    return None


def _is_batch(field: StrawberryField) -> bool:
    return "batch" in field.metadata


def _own_types(types: Iterable[Any], owners: Sequence[Owner]) -> Iterator[tuple[Owner, Any]]:
    """Yield the plugins' types, each with its plugin; refusals are named for what happened."""
    for definition in sorted(types, key=name_of):
        cls = origin_of(definition)
        for owner in owners:
            if owner.has(cls.__module__) and not issubclass(cls, UserError):
                yield owner, definition


def _own_fields(
    types: Iterable[Any], owners: Sequence[Owner]
) -> Iterator[tuple[str, str, StrawberryField]]:
    """Yield (plugin, Type.field, the field) of the plugins' types."""
    for owner, definition in _own_types(types, owners):
        if isinstance(definition, StrawberryObjectDefinition):
            for field in definition.fields:
                name = f"{name_of(definition)}.{NAMES.get_graphql_name(field)}"
                yield owner.name, name, field


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
