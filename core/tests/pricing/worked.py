"""Reads the worked examples of examples/*.toml, and the arithmetic that was done by hand in them.

An [[example]] is a cart, the rules for it and what comes out:

    name        the claim
    because     what it stands for, if it is more than its numbers
    currency    amounts are texts in its major units: "14.99"
    rounding    half_away (if nothing is said) | half_even;  per_unit = true
    lines       {name = {quantity, price, tier, activity, rules, category, grams}}: prices of a
                unit; what of them is given. rules: [{price, from, group}] of the price list
    groups      those that the buyer is in
    shipping    what the chosen method costs
    sending     {zones = {code = [place]}, place, method, methods = {code = [{price, zone,
                grams_max, total_from, free_from}]}}: what it costs by weight, place and total
    tax         {included, rates = {category = percent}}: what holds where it goes
    gifts       {variant = what it costs by the list}
    proposed    {rule, plugin, stage, percent | off (every) | total | gift (quantity), targets =
                {line = units}, minimum, minimum_of, cap, group, mode, per_line, priority, coupon,
                with_activities}
    expected    {lines = {name = what is paid for it}, shipping, total, rules = {rule = verdict},
                tax, taxes = {line | "shipping" = its tax}, offered = {method = what it costs},
                taken = {rule = {line | "shipping" = what it takes off}}, gifts = {variant = units}}
    hand        one equation a line: `19.99 * 25 / 100 = 4.9975 ~ 5.00`. What stands left of a `=`
                is that, exactly; `~` is rounded to a whole minor unit.

Every amount that is expected must be a result of `hand`, or have been given.
"""

from __future__ import annotations

import ast
import operator
import tomllib
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from koipond.catalog.rules import quotes_of_list
from koipond.catalog.types import PriceTier
from koipond.channel import rules as channel_rules
from koipond.channel.types import Place, Zone, ZoneDraft
from koipond.fulfilment import rules as shipping_rules
from koipond.fulfilment.types import (
    Parcel,
    ShippingMethod,
    ShippingMethodDraft,
    ShippingOffer,
    ShippingRateDraft,
)
from koipond.kernel.ids import (
    ActivityId,
    OrderLineId,
    PriceRuleId,
    ProductId,
    ShippingMethodId,
    VariantId,
)
from koipond.kernel.money import (
    Currency,
    Money,
    Rounding,
    RoundingPolicy,
    exponent,
    parse_amount,
)
from koipond.pricing.rules import Offered, Proposed, choose_unit_price, price_order
from koipond.pricing.types import (
    AmountOff,
    Effect,
    Gift,
    GiftPrice,
    Percent,
    PricedOrder,
    PriceItem,
    PriceQuote,
    Proposal,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stacking,
    StackMode,
    Stage,
    TaxShare,
    TaxTable,
    TotalIs,
    Units,
    Verdict,
)

FOLDER = Path(__file__).parent / "examples"


class ListRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a price list says beside its base price."""

    price: str
    from_: int = msgspec.field(name="from", default=1)
    group: str | None = None


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a cart: prices of one unit."""

    price: str
    quantity: int = 1
    tier: str | None = None
    activity: str | None = None
    rules: tuple[ListRule, ...] = ()
    category: str | None = None
    grams: int = 0


class Sending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it goes, and what each method costs for which parcels."""

    place: str
    methods: Mapping[str, tuple[Mapping[str, Any], ...]]
    method: str | None = None
    zones: Mapping[str, tuple[str, ...]] = {}


class Taxed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taxed where it goes: {category: percent}."""

    included: bool
    rates: Mapping[str, str]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plugin proposes."""

    rule: str
    stage: Stage
    plugin: str = "promotions"
    percent: str | None = None
    off: str | None = None
    every: str | None = None
    total: str | None = None
    gift: str | None = None
    quantity: int = 1
    targets: Mapping[str, int] | None = None
    minimum: str | None = None
    minimum_of: Mapping[str, int] | None = None
    cap: str | None = None
    group: str = ""
    mode: StackMode = StackMode.STACK
    per_line: bool = False
    priority: int = 0
    coupon: str | None = None
    with_activities: bool = False


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes out."""

    lines: Mapping[str, str]
    total: str
    shipping: str | None = None
    tax: str | None = None
    taxes: Mapping[str, str] = {}
    offered: Mapping[str, str] = {}
    rules: Mapping[str, Verdict] = {}
    taken: Mapping[str, Mapping[str, str]] = {}
    gifts: Mapping[str, int] = {}


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One purchase, worked out by hand."""

    name: str
    currency: Currency
    lines: Mapping[str, Row]
    expected: Expected
    hand: str
    because: str = ""
    rounding: Rounding = Rounding.HALF_AWAY
    per_unit: bool = False
    shipping: str | None = None
    sending: Sending | None = None
    tax: Taxed | None = None
    groups: frozenset[str] = frozenset()
    gifts: Mapping[str, str] = {}
    proposed: tuple[Rule, ...] = ()

    def minor(self, text: str) -> int:
        """Return an amount of this example in minor units."""
        return parse_amount(text, self.currency).amount_minor

    def said(self, minor: int) -> str:
        """Return minor units as the example would write them."""
        return f"{Money(minor, self.currency).amount:f}"

    def line_id(self, name: str) -> OrderLineId:
        """Return a line's id: those of lines sort as their names do."""
        place = sorted(self.lines).index(name) if name in self.lines else 9_998
        return OrderLineId(UUID(int=place + 1))

    def variant_id(self, name: str) -> VariantId:
        """Return the id of a variant that may be given."""
        return VariantId(UUID(int=sorted(self.gifts).index(name) + 1 if name in self.gifts else 0))

    def price(self, *, backwards: bool = False) -> PricedOrder:
        """Price it. backwards: with its lines and rules the other way round."""
        lines = [self._line(name, row) for name, row in self.lines.items()]
        proposed = [self._proposed(one) for one in self.proposed]
        return price_order(
            lines[::-1] if backwards else lines,
            currency=self.currency,
            proposed=proposed[::-1] if backwards else proposed,
            gifts={
                self.variant_id(name): GiftPrice(label=name, list_minor=self.minor(price))
                for name, price in self.gifts.items()
            },
            shipping=self._shipping(),
            tax=self._tax(),
            rounding=RoundingPolicy(rounding=self.rounding, per_unit=self.per_unit),
        )

    @property
    def offers(self) -> list[ShippingOffer]:
        """The methods that take the parcel."""
        if self.sending is None:
            return []
        return shipping_rules.offered(self._methods(self.sending), self._zones(), self._parcel())

    def _shipping(self) -> ShippingCost | None:
        steps: tuple[ShippingStep, ...] = ()
        if self.shipping is not None:
            step = ShippingStep(total_from_minor=0, amount_minor=self.minor(self.shipping))
            steps = (step,)
        elif self.sending is not None and self.sending.method is not None:
            chosen = shipping_rules.choose_method(
                self._methods(self.sending), self._zones(), self._parcel(), self.sending.method
            )
            steps = () if chosen is None else chosen.steps
        return ShippingCost(rule="parcel", label="Parcel", steps=steps) if steps else None

    def _methods(self, sending: Sending) -> list[ShippingMethod]:
        return [
            shipping_rules.make_method(
                ShippingMethodId(UUID(int=place + 1)),
                ShippingMethodDraft(
                    code=code,
                    name={"en": code},
                    rates=tuple(
                        ShippingRateDraft(currency=self.currency, **rate) for rate in rates
                    ),
                ),
            )
            for place, (code, rates) in enumerate(sending.methods.items())
        ]

    def _zones(self) -> dict[str, Zone]:
        told = {} if self.sending is None else self.sending.zones
        return {
            code: channel_rules.make_zone(ZoneDraft(code=code, name=code, places=tuple(places)))
            for code, places in told.items()
        }

    def _parcel(self) -> Parcel:
        assert self.sending is not None, "it is sent nowhere"
        country, _, region = self.sending.place.partition("/")
        grams = sum(row.grams * row.quantity for row in self.lines.values())
        place = Place(country, region)
        return Parcel(currency=self.currency, place=place, home=place, grams=grams)

    def _tax(self) -> TaxTable | None:
        if self.tax is None:
            return None
        rates = {
            code: TaxShare(rule=code, label=code, rate_ppm=int(Fraction(percent) * 10_000))
            for code, percent in self.tax.rates.items()
        }
        shipping = "shipping" if "shipping" in rates else "standard"
        return TaxTable(
            included=self.tax.included, rates=rates, goods="standard", shipping=shipping
        )

    def _line(self, name: str, row: Row) -> QuoteLine:
        key = self.line_id(name)
        offered: list[Offered] = []
        if row.tier is not None:
            offered.append(("tiers", self._quote(key, Stage.TIER_PRICE, row.tier)))
        if row.activity is not None:
            offered.append(("flashsale", self._quote(key, Stage.ACTIVITY, row.activity)))
        item = PriceItem(
            key=key,
            variant_id=VariantId(key),
            product_id=ProductId(key),
            quantity=row.quantity,
            list_minor=self.minor(row.price),
        )
        tiers = {item.variant_id: tuple(self._tier(one) for one in row.rules)}
        offered += quotes_of_list([item], tiers, self.groups)
        unit = choose_unit_price(self.minor(row.price), offered)
        return QuoteLine(
            id=key, quantity=row.quantity, unit=unit, label=name, tax_category=row.category
        )

    def _tier(self, one: ListRule) -> PriceTier:
        return PriceTier(
            id=PriceRuleId(UUID(int=self.minor(one.price))),
            from_quantity=one.from_,
            group_code=one.group,
            amount_minor=self.minor(one.price),
        )

    def _quote(self, key: OrderLineId, stage: Stage, price: str) -> PriceQuote:
        is_activity = stage is Stage.ACTIVITY
        return PriceQuote(
            key=key,
            stage=stage,
            unit_price_minor=self.minor(price),
            label=stage,
            rule=stage,
            activity_id=ActivityId(key) if is_activity else None,
        )

    def _proposed(self, one: Rule) -> Proposed:
        proposal = Proposal(
            rule=one.rule,
            label=one.rule,
            stage=one.stage,
            effect=self._effect(one),
            targets=self._units(one.targets),
            minimum_minor=0 if one.minimum is None else self.minor(one.minimum),
            minimum_of=self._units(one.minimum_of),
            cap_minor=None if one.cap is None else self.minor(one.cap),
            stacking=Stacking(group=one.group, mode=one.mode, per_line=one.per_line),
            priority=one.priority,
            coupon=one.coupon,
            with_activities=one.with_activities,
        )
        return one.plugin, proposal

    def _effect(self, one: Rule) -> Effect:
        if one.percent is not None:
            return Percent(rate_ppm=int(Fraction(one.percent) * 10_000))
        if one.off is not None:
            every = None if one.every is None else self.minor(one.every)
            return AmountOff(amount_minor=self.minor(one.off), every_minor=every)
        if one.total is not None:
            return TotalIs(total_minor=self.minor(one.total))
        assert one.gift is not None, f"{one.rule} does nothing"
        return Gift(variant_id=self.variant_id(one.gift), quantity=one.quantity)

    def _units(self, named: Mapping[str, int] | None) -> Units | None:
        return None if named is None else {self.line_id(key): n for key, n in named.items()}


def read_examples() -> list[Example]:
    """Return all worked examples."""
    return [one for path in sorted(FOLDER.glob("*.toml")) for one in _read(path)]


def _read(path: Path) -> list[Example]:
    found: list[Any] = tomllib.loads(path.read_text("utf-8"))["example"]
    return [msgspec.convert(one, Example) for one in found]


def results_of(example: Example) -> set[Fraction]:
    """Return what its arithmetic by hand comes to. Raises AssertionError where it is wrong."""
    found: set[Fraction] = set()
    for line in filter(None, map(str.strip, example.hand.splitlines())):
        whole, *rounded = line.split("~")
        exact = [_work_out(text) for text in whole.split("=")]
        assert len(set(exact)) == 1, f"{example.name}: {line}"
        for text in rounded:
            value = _work_out(text)
            assert _round(exact[0], example) == value, f"{example.name}: {line}"
            found.add(value)
        found.add(exact[0])
    return found


def given_in(example: Example) -> set[Fraction]:
    """Return the amounts that an example begins with."""
    texts = [text for row in example.lines.values() for text in (row.price, row.activity, row.tier)]
    texts += [one.price for row in example.lines.values() for one in row.rules]
    texts += [example.shipping, *example.gifts.values()]
    methods = {} if example.sending is None else example.sending.methods
    texts += [rate["price"] for rates in methods.values() for rate in rates]
    texts += [text for one in example.proposed for text in (one.off, one.total, one.cap)]
    return {Fraction(text) for text in texts if text is not None} | {Fraction(0)}


def amounts_in(expected: Expected) -> Iterator[str]:
    """Return the amounts that an example comes to."""
    yield expected.total
    yield from expected.lines.values()
    if expected.shipping is not None:
        yield expected.shipping
    if expected.tax is not None:
        yield expected.tax
    yield from expected.taxes.values()
    yield from expected.offered.values()
    for parts in expected.taken.values():
        yield from parts.values()


def _round(value: Fraction, example: Example) -> Fraction:
    """Round as a person would on paper: fractions, not the code that is tested."""
    scale = 10 ** exponent(example.currency)
    minor = value * scale
    whole, rest = divmod(abs(minor), 1)
    if rest > Fraction(1, 2) or (
        rest == Fraction(1, 2) and (example.rounding is Rounding.HALF_AWAY or whole % 2 == 1)
    ):
        whole += 1
    return Fraction(whole, scale) if value >= 0 else -Fraction(whole, scale)


_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _work_out(text: str) -> Fraction:
    """Return what a sum comes to, exactly."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](value(left), value(right))
            case ast.Constant():
                # As it is written, for as a number it would be a float.
                return Fraction(ast.get_source_segment(text, node) or "")
        raise AssertionError(f"no arithmetic: {text}")

    text = text.strip()
    return value(ast.parse(text, mode="eval").body)
