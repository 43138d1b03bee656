"""Refusals as GraphQL types: every DomainError class is a member of the interface UserError."""

import dataclasses
import inspect
from datetime import date, datetime
from enum import StrEnum
from typing import Any, get_type_hints
from uuid import UUID
from weakref import WeakKeyDictionary

import strawberry

from koipond.kernel.errors import DomainError, shortened
from koipond.kernel.ids import PREFIXES, encode
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema.types import MoneyType

_PLAIN = {str, bool, int, date, datetime, Quantity}


@strawberry.interface(description="An expected refusal: nothing was changed.")
class UserError:
    code: str = strawberry.field(description="What a program looks at; it never changes.")
    message: str = strawberry.field(description="What a person reads: the numbers and the way out.")
    field: str | None = strawberry.field(
        default=None, description="Where in the input, such as lines.0.quantity"
    )


_made: dict[type[DomainError], type[UserError]] = {}
# Weakly: a class that a plugin took along must not be found by `known_errors` for that.
_types: WeakKeyDictionary[type[DomainError], dict[str, Any]] = WeakKeyDictionary()


def error_type(cls: type[DomainError]) -> type[UserError]:
    """Return the GraphQL type of a refusal class: its fields beside those of UserError."""
    if cls not in _made:
        fields = {name: field_annotation(kind) for name, kind in field_types(cls).items()}
        namespace = {"__annotations__": fields, "__module__": cls.__module__}
        made = type(cls.__name__, (UserError,), namespace)
        _made[cls] = strawberry.type(made, description=inspect.cleandoc(cls.__doc__ or ""))
    return _made[cls]


def field_types(cls: type[DomainError]) -> dict[str, Any]:
    """Return {field: type} of a refusal class, without what every refusal has."""
    if cls not in _types:
        hints = get_type_hints(cls)
        # mypy does not know what @domain_error makes of a class.
        decorated: Any = cls
        fields = dataclasses.fields(decorated) if dataclasses.is_dataclass(decorated) else ()
        _types[cls] = {field.name: hints[field.name] for field in fields}
    return _types[cls]


def wrap_error(error: DomainError) -> UserError:
    """Return a refusal as the value of its GraphQL type."""
    make = error_type(type(error))
    return make(code=error.code, message=message_of(error), field=error.at, **_values(error))


def message_of(error: DomainError) -> str:
    """Return what a person is told of a refusal."""
    return shortened(str(error))


def error_extensions(error: DomainError) -> dict[str, Any]:
    """Return what a refusal says in `extensions` when a query, not a mutation, is refused."""
    plain = {
        name: value for name, value in _values(error).items() if not isinstance(value, MoneyType)
    }
    return {"code": error.code, **plain}


def known_errors(owners: set[str]) -> list[type[DomainError]]:
    """Return every refusal class that is in one of the packages `owners`, by name."""
    found: list[type[DomainError]] = []
    queue = list(DomainError.__subclasses__())
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if any(f"{cls.__module__}.".startswith(f"{owner}.") for owner in owners):
            found.append(cls)
    return sorted(found, key=lambda cls: (cls.__name__, cls.__module__))


def field_annotation(kind: Any) -> Any:
    """Return the type that a refusal's field has in the schema."""
    if kind in PREFIXES:
        return strawberry.ID
    if kind is Money:
        return MoneyType
    if kind in _PLAIN:
        return kind
    if getattr(kind, "__supertype__", None) is str:
        return str
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str
    raise TypeError(
        f"{kind} cannot be a field of a refusal: use str, int, bool, date, datetime, Money, a "
        "StrEnum or an id. What may be missing makes two refusals"
    )


def _values(error: DomainError) -> dict[str, Any]:
    kinds = field_types(type(error))
    return {name: _value(kind, getattr(error, name)) for name, kind in kinds.items()}


def _value(kind: Any, value: Any) -> Any:
    if isinstance(value, UUID):
        return encode(kind, value)
    if isinstance(value, Money):
        return MoneyType.of(value)
    return shortened(value) if isinstance(value, str) else value
