"""Scalars and types that every part of the schema shares."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.language import IntValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from koipond.kernel.money import Money, parse_amount
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.quantity import Quantity


def _parse_quantity(value: Any) -> Quantity:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"A Quantity is a whole number, not {str(value)[:40]!r}.")
    return Quantity(value)


def _parse_quantity_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Quantity:
    if not isinstance(node, IntValueNode):
        raise GraphQLError("A Quantity is written as a whole number.", nodes=node)
    return Quantity(int(node.value[:30]))


def _parse_instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError(f"A DateTime is a text, not {str(value)[:40]!r}.")
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise GraphQLError(f"{value[:40]!r} is no DateTime. {_INSTANT}") from error
    if found.tzinfo is None:
        raise GraphQLError(f"{value[:40]!r} says no time zone. {_INSTANT}")
    return found


_INSTANT = "Write it like 2026-11-22T09:00:00Z or 2026-11-22T09:00:00+08:00."

SCALARS: dict[object, ScalarDefinition] = {
    Quantity: strawberry.scalar(
        name="Quantity",
        description=(
            "A whole number of units. Wider than Int, so that a number out of range is refused by "
            "the rule that knows the range, and not by the parser."
        ),
        serialize=int,
        parse_value=_parse_quantity,
        parse_literal=_parse_quantity_literal,
    ),
    # Strawberry's own takes an instant without a zone, which is none.
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, with its zone: 2026-11-22T09:00:00Z.",
        serialize=datetime.isoformat,
        parse_value=_parse_instant,
    ),
}


@strawberry.type(name="Money", description="An amount of one currency.")
class MoneyType:
    amount: Decimal = strawberry.field(
        description="Major units as a decimal string, with the currency's decimals: 12.50"
    )
    currency: str = strawberry.field(description="ISO 4217 code")

    @classmethod
    def of(cls, money: Money) -> "MoneyType":
        """Wrap an amount."""
        return _wrap_money(money)


@lru_cache(4_096)
def _wrap_money(money: Money) -> MoneyType:
    """Return what shows an amount; nobody changes it, and lists have the same ones many times."""
    return MoneyType(amount=money.amount, currency=money.currency)


@strawberry.input(name="MoneyInput", description="An amount of one currency.")
class MoneyInput:
    amount: str = strawberry.field(description="Major units: 12.50")
    currency: str = strawberry.field(description="ISO 4217 code")

    def read(self) -> Money:
        """Return the amount as it was given. Raises CurrencyUnknown, AmountInvalid."""
        return parse_amount(self.amount, parse_currency(self.currency))


@strawberry.input(description="A text in one language.")
class TextInput:
    locale: str = strawberry.field(description="A language tag such as en")
    text: str


@strawberry.interface(description="Anything with an id that `node` finds again.")
class Node:
    id: strawberry.ID


@strawberry.type
class Query:
    """The root that concepts and plugins extend."""


@strawberry.type
class Mutation:
    """The root that concepts and plugins extend."""


@strawberry.type
class Subscription:
    """The root that concepts and plugins extend."""
