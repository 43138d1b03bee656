"""What products cost by the list: keeps those that cost so much, and puts them in its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select, true, tuple_

from koipond.catalog.repository.details import Prices
from koipond.catalog.repository.walking import Order, Way, apart, limited
from koipond.catalog.tables import price, price_list, price_rule, product, variant
from koipond.catalog.types import ProductFilter, ProductSort

# Not called as in the statements of filters, of which they have none.
_sold, _base, _rule = variant.alias("sold"), price.alias("base"), price_rule.alias("rule")
_other, _own = variant.alias("other"), price.alias("own")


def costs_between(prices: Prices, least_minor: int | None, most_minor: int | None) -> Select[Any]:
    """Return a SELECT of the ids of products with a variant that costs no less and no more.

    For many: it reads all prices of the list.
    """
    statement = select(variant.c.product_id).select_from(price_source(prices))
    return statement.where(*_ends(list_price(prices), least_minor, most_minor))


def each_costs_between(
    prices: Prices, least_minor: int | None, most_minor: int | None
) -> Select[Any]:
    """Return the same, for looking at one product: by its variants."""
    statement = select(variant.c.product_id)
    return statement.where(*_ends(_cost_of(variant, prices), least_minor, most_minor))


def few_cost_between(
    prices: Prices, least_minor: int | None, most_minor: int | None
) -> Sequence[Select[Any]]:
    """Return SELECTs of the same, together, for few: the product of each price is looked up.

    One by base prices, one by the rules in their place: each is found in an index.
    """
    key = select(variant.c.product_id).where(variant.c.id == price.c.variant_id)
    statement = select(key.correlate(price).scalar_subquery()).where(_is_of(prices, price))
    replaced = _replaces(price_rule, price, prices)
    ruled = price.join(price_rule, and_(replaced, _is_of(prices, price_rule)))
    unruled = not_(select(price_rule.c.id).where(replaced).correlate(price).exists())
    of_base = _ends(price.c.amount_minor, least_minor, most_minor)
    of_rule = _ends(price_rule.c.amount_minor, least_minor, most_minor)
    return [
        statement.select_from(price).where(unruled, *of_base),
        statement.select_from(ruled).where(*of_rule),
    ]


def _ends(amount: Any, least_minor: int | None, most_minor: int | None) -> list[Any]:
    ends = [] if least_minor is None else [amount >= least_minor]
    return ends if most_minor is None else [*ends, amount <= most_minor]


def price_source(prices: Prices) -> Any:
    """Return where `list_price` is read from."""
    return variant.join(price, and_(price.c.variant_id == variant.c.id, _is_of(prices, price)))


def list_price(prices: Prices, base: Any = price) -> ColumnElement[int]:
    """Return what one unit costs everyone now; see `read_price`. base: `price`, or an alias."""
    ruled = select(price_rule.c.amount_minor).where(_replaces(price_rule, base, prices))
    amount = func.coalesce(limited(ruled, 1).scalar_subquery(), base.c.amount_minor)
    # Where a shop has no rules, it is found out once, and not for each variant.
    return case((select(price_rule.c.id).exists(), amount), else_=base.c.amount_minor)


def _cost_of(of: Any, prices: Prices) -> ColumnElement[int]:
    """Return what a variant costs, NULL: it has no price. of: `variant`, or an alias.

    Not joined: SQLite would begin with all prices of the list.
    """
    here = and_(_own.c.variant_id == of.c.id, _is_of(prices, _own))
    cost = select(list_price(prices, _own)).where(here).correlate(of)
    return cost.scalar_subquery()


def by_price(prices: Prices, sort: ProductSort, wanted: ProductFilter) -> Order:
    """Return the order of products by the price of their cheapest variant, of several the oldest.

    Under a filter by price: of their cheapest variant that fits it. Else the first page would have
    to look at all that is cheaper. Base prices and the rules in their place are each in an index.
    """
    ends = wanted.least_minor, wanted.most_minor
    within_base, within_rule = (_ends(one.c.amount_minor, *ends) for one in (_base, _rule))
    sold = product.join(_sold, _sold.c.product_id == product.c.id)
    sold = sold.join(_base, and_(_base.c.variant_id == _sold.c.id, _is_of(prices, _base)))
    replaced = _replaces(_rule, _base, prices)
    ruled = sold.join(_rule, and_(replaced, _is_of(prices, _rule)))
    unruled = not_(select(_rule.c.id).where(replaced).correlate(_base).exists())
    own = select(_sold.c.id).join(_base, _base.c.variant_id == _sold.c.id)
    own = own.where(_sold.c.product_id == product.c.id, _is_of(prices, _base)).correlate(product)
    return Order(
        ways=[
            Way(sold, and_(unruled, *within_base), _base.c.amount_minor, _base.c.variant_id),
            Way(ruled, and_(true(), *within_rule), _rule.c.amount_minor, _rule.c.variant_id),
        ],
        left=not_(own.exists()),
        picks=lambda row: _is_cheapest(row, prices, wanted.least_minor),
        descending=sort is ProductSort.PRICE_HIGHEST_FIRST,
    )


def _is_cheapest(row: Any, prices: Prices, least_minor: int | None) -> ColumnElement[bool]:
    """Hold where no other variant of the product is cheaper, or costs the same and is older.

    least_minor: others that cost less do not count.
    """
    cost = _cost_of(_other, prices)
    cheaper = select(_other.c.id).where(
        _other.c.product_id == row.id,
        tuple_(cost, _other.c.id) < tuple_(row.sort_value, row.sort_key),
        *_ends(cost, least_minor, None),
    )
    return not_(apart(cheaper).exists())


def _is_of(prices: Prices, source: Any) -> ColumnElement[bool]:
    """Hold for base prices and rules of the reader's list."""
    here = select(price_list.c.id).where(
        price_list.c.channel_id == prices.channel_id, price_list.c.currency == prices.currency
    )
    # Looked up once; joined, PostgreSQL looks at the prices of all variants.
    return cast("ColumnElement[bool]", source.c.price_list_id == here.scalar_subquery())


def _replaces(rule: Any, base: Any, prices: Prices) -> ColumnElement[bool]:
    """Hold for rules that take the place of a base price now: for everyone, and from one unit."""
    return and_(
        rule.c.variant_id == base.c.variant_id,
        rule.c.price_list_id == base.c.price_list_id,
        rule.c.from_quantity == 1,
        rule.c.group_code.is_(None),
        or_(rule.c.starts_at.is_(None), rule.c.starts_at <= prices.now),
        or_(rule.c.ends_at.is_(None), rule.c.ends_at > prices.now),
    )
