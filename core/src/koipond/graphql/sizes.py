"""How large pages are asked to be: checked before anything is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    IntValueNode,
    NullValueNode,
    VariableNode,
)
from graphql.pyutils import Undefined
from msgspec import Struct

from koipond.kernel.pages import FIRST_DEFAULT, FIRST_MAX, PageInvalid, check_size

_PAGED_BY = "first"


class SizedBy(Struct, frozen=True):
    """A variable that says how large a page is. may_be_null: null is as good as no word."""

    name: str
    may_be_null: bool


class PageSize(Struct, frozen=True, kw_only=True):
    """How large a page of a document may be, and which variable says how large it is."""

    most: int
    sized_by: SizedBy | None = None


def is_paged(definition: GraphQLField) -> bool:
    """Tell whether a field has pages."""
    return _PAGED_BY in definition.args


def read_size(field: FieldNode, definition: GraphQLField) -> PageSize:
    """Return what a document says of a page's size. Raises GraphQLError for one that cannot be."""
    given = next((one for one in field.arguments or () if one.name.value == _PAGED_BY), None)
    if given is None:
        return PageSize(most=FIRST_DEFAULT)
    may_be_null = _may_be_null(definition.args[_PAGED_BY])
    match given.value:
        case VariableNode(name=name):
            return PageSize(most=FIRST_MAX, sized_by=SizedBy(name.value, may_be_null))
        case IntValueNode(value=digits):
            asked: int | None = int(digits[:20])
        case _:
            assert isinstance(given.value, NullValueNode), "a valid document"
            asked = None
    try:
        return PageSize(most=_checked(asked, may_be_null=may_be_null))
    except PageInvalid as error:
        raise GraphQLError(str(error), given) from error


def check_sizes(sized_by: Iterable[SizedBy], variables: Mapping[str, Any]) -> None:
    """Raise PageInvalid for a variable by which a page would have a size that none can have.

    variables: coerced.
    """
    for one in sized_by:
        if one.name in variables:
            _checked(variables[one.name], may_be_null=one.may_be_null)


def _checked(asked: int | None, *, may_be_null: bool) -> int:
    if asked is None and may_be_null:
        return FIRST_DEFAULT
    return check_size(asked)


def _may_be_null(argument: GraphQLArgument) -> bool:
    """Tell whether null says no more than leaving it out does."""
    return argument.default_value in {None, Undefined}
