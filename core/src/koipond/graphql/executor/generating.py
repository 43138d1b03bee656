"""Writes Python for what is mere attributes: one comprehension makes the answers of a level.

For `{ nodes { sku price { amount } tags } }` it writes

    def shape(objects):
        return [
            {"sku": leaf(o.sku), "price": None if (o1 := o.price) is None else {…}, …}
            for o in objects
        ]

with the check of each leaf beside it. Where an object is not as the schema says, that code raises,
and the level is answered field by field, which finds the place and notes the error. So it has to
be right about what is sound, and may give up on all else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Undefined

from koipond.graphql.executor.plan import PlannedField, Selection
from koipond.graphql.private import is_told_by_class

Shape = Callable[[Sequence[Any]], list[dict[str, Any]]]

# {type: what is surely a value of it}; `{}` is a name, bound on its first use.
_SURE: dict[GraphQLLeafType, str] = {
    GraphQLString: "{}.__class__ is str",
    GraphQLID: "{}.__class__ is str",
    GraphQLInt: "{}.__class__ is int and -2147483648 <= {} <= 2147483647",
    # Infinite, or no number: less itself it is not 0.
    GraphQLFloat: "{}.__class__ is float and {} - {} == 0.0",
    GraphQLBoolean: "{}.__class__ is bool",
}


class GaveUp(Exception):
    """An object is not as the schema says."""


def generate_shape(
    kind: GraphQLObjectType, fields: Sequence[PlannedField]
) -> tuple[Shape | None, Sequence[PlannedField]]:
    """Return what makes the answers of a level, with every field that it can make in them.

    The other fields are None in them, and returned. There is no function if there is no such field.
    """
    rest = [field for field in fields if not _is_pure(field)]
    if len(rest) == len(fields):
        return None, fields
    writer = _Writer()
    body = writer.answer("o", fields)
    source = f"def shape(objects):\n    return [{body} for o in objects]\n"
    exec(compile(source, f"<selection of {kind.name}>", "exec"), writer.names)  # noqa: S102  from names of the schema only
    shape: Shape = writer.names["shape"]
    return shape, rest


def _is_pure(field: PlannedField) -> bool:
    """Tell whether a field, and all that is selected of it, is attributes of objects."""
    if field.name == "__typename":
        return True
    if field.attribute is None or not field.attribute.isidentifier():
        return False
    named = get_named_type(field.kind)
    if is_leaf_type(named):
        return True
    return is_object_type(named) and all(map(_is_pure, _selected(field, named).fields))


def _selected(field: PlannedField, kind: GraphQLObjectType) -> Selection:
    assert field.select is not None
    return field.select(kind)


class _Writer:
    """Writes expressions, and keeps what they name."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            "as_list": _as_list,
            "give_up": _give_up,
            "Decimal": Decimal,
        }
        self._numbers: Iterator[int] = count(1)

    def object(self, name: str, kind: GraphQLObjectType, fields: Sequence[PlannedField]) -> str:
        """Write the answer to what is selected of an object `name`, once it is of its type."""
        made = self.answer(name, fields)
        if kind.is_type_of is None:
            return made
        check = self._keep("check", _Checked(kind))
        known = self._keep("known", self.names[check].known)
        return f"({made} if {name}.__class__ in {known} or {check}({name}) else give_up())"

    def answer(self, name: str, fields: Sequence[PlannedField]) -> str:
        """Write the answer to what is selected of an object `name` of the type."""
        pairs = ", ".join(f"{field.key!r}: {self._field(name, field)}" for field in fields)
        return f"{{{pairs}}}"

    def _field(self, name: str, field: PlannedField) -> str:
        if field.name == "__typename":
            return repr(field.parent.name)
        if not _is_pure(field):
            return "None"
        return self._value(f"{name}.{field.attribute}", field.kind, field)

    def _value(self, source: str, kind: GraphQLOutputType, field: PlannedField) -> str:
        """Write the completed value of an expression that may be evaluated once."""
        may_be_null = not is_non_null_type(kind)
        inner: Any = get_nullable_type(kind)
        if is_leaf_type(inner):
            return self._leaf(source, inner, may_be_null=may_be_null)
        value = self._name("v")
        if is_list_type(inner):
            item = self._name("i")
            body = f"[{self._value(item, inner.of_type, field)} for {item} in as_list({value})]"
        else:
            body = self.object(value, inner, _selected(field, inner).fields)
        otherwise = "None" if may_be_null else "give_up()"
        return f"({otherwise} if ({value} := {source}) is None else {body})"

    def _leaf(self, source: str, kind: GraphQLLeafType, *, may_be_null: bool) -> str:
        coerce = self._keep("leaf", _coercer(kind, may_be_null=may_be_null))
        value = self._name("v")
        if kind.coerce_output_value is str:
            # A scalar that is written as text: of a number there surely is one.
            return (
                f"(str({value}) if ({value} := {source}).__class__ is Decimal"
                f" else {coerce}({value}))"
            )
        test = _SURE.get(kind)
        if test is None:
            return f"{coerce}({source})"
        bound = test.replace("{}", f"({value} := {source})", 1)
        sure = bound.replace("{}", value)
        return f"({value} if {sure} else {coerce}({value}))"

    def _name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def _keep(self, prefix: str, value: Any) -> str:
        name = self._name(prefix)
        self.names[name] = value
        return name


class _Checked:
    """Tells whether objects are of a type, and remembers the classes whose objects are."""

    def __init__(self, kind: GraphQLObjectType) -> None:
        self._kind = kind
        self._is_type_of: Any = kind.is_type_of
        self.known: set[type] = set()

    def __call__(self, value: Any) -> bool:
        if self._is_type_of(value, None) is not True:
            raise GaveUp
        if is_told_by_class(self._kind, value):
            self.known.add(value.__class__)
        return True


def _coercer(kind: GraphQLLeafType, *, may_be_null: bool) -> Callable[[Any], Any]:
    coerce_output_value = kind.coerce_output_value

    def coerce(value: Any) -> Any:
        if value is None:
            return None if may_be_null else _give_up()
        if isinstance(value, Exception) or hasattr(value, "__await__"):
            raise GaveUp
        made = coerce_output_value(value)
        return _give_up() if made is None or made is Undefined else made

    return coerce


def _as_list(value: Any) -> Any:
    return value if value.__class__ in {list, tuple} else _give_up()


def _give_up() -> Any:
    raise GaveUp
