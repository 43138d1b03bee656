"""Tax: what is part of a price, and what comes on top of it."""

from collections.abc import Iterable, Iterator

from koipond.kernel.money import PPM, RoundingPolicy, rounded
from koipond.pricing.rules.units import CORE
from koipond.pricing.types import Adjustment, Stage, Taxable, TaxShare, TaxTable


def add_taxes(
    taxables: Iterable[Taxable], table: TaxTable, rounding: RoundingPolicy
) -> Iterator[Adjustment]:
    """Return the tax of lines and shipping after all discounts, each by its category's rate.

    What no rate holds for has none. A rate of 0 is said, too: it is not the same as no tax.
    """
    for one in taxables:
        share = table.share_of(table.shipping if one.line_id is None else one.category)
        if share is None:
            continue
        yield Adjustment(
            stage=Stage.TAX,
            line_id=one.line_id,
            amount_minor=tax_of(one, share, included=table.included, rounding=rounding),
            label=share.label,
            origin=CORE,
            included=table.included,
            rule=share.rule,
            rate_ppm=share.rate_ppm,
            base_minor=one.amount_minor,
        )


def tax_of(one: Taxable, share: TaxShare, *, included: bool, rounding: RoundingPolicy) -> int:
    """Return the tax of an amount.

    included: of the amount, rate / (1 + rate) is tax; else the rate of it comes on top. Per unit,
    the units of a line that do not divide its amount evenly cost a minor unit more or less.
    """
    whole = PPM + share.rate_ppm if included else PPM

    def tax(amount_minor: int) -> int:
        return rounded(amount_minor * share.rate_ppm, whole, rounding=rounding.rounding)

    if not rounding.per_unit:
        return tax(one.amount_minor)
    each, dearer = divmod(one.amount_minor, one.quantity)
    return tax(each) * (one.quantity - dearer) + tax(each + 1) * dearer
