"""Actions, as staff write them and as they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from koipond_promotions.errors import (
    PromotionActionInvalid,
    PromotionAmountInvalid,
    PromotionNumberInvalid,
    PromotionRateInvalid,
)
from koipond_promotions.types import (
    Action,
    ActionKind,
    ActionWish,
    Bundle,
    BuyGet,
    FixedOff,
    FreeShipping,
    GiftLine,
    NthOff,
    PercentOff,
)
from koipond_sdk import Currency, Money, Quantity

UNITS_MAX = 10_000
ALL_PPM = 1_000_000
_PERCENT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")

# {kind: (what it has to be given, what it may be given)}, by the names of ActionWish.
ACTION_FIELDS: Mapping[ActionKind, tuple[set[str], set[str]]] = {
    ActionKind.PERCENT: ({"percent"}, {"cap"}),
    ActionKind.AMOUNT: ({"amount"}, {"every"}),
    ActionKind.BUNDLE: ({"units", "amount"}, set()),
    ActionKind.BUY_GET: ({"units", "get"}, {"percent", "gets", "times_max"}),
    ActionKind.NTH: ({"units", "percent"}, set()),
    ActionKind.GIFT: ({"variant_id"}, {"units"}),
    ActionKind.FREE_SHIPPING: (set(), {"cap"}),
}


def read_action(wish: ActionWish, currency: Currency) -> Action:
    """Return the action that staff ask for.

    Raises PromotionActionInvalid, PromotionRateInvalid, PromotionNumberInvalid,
    PromotionAmountInvalid.
    """
    _check_fields(wish)
    cap = None if wish.cap is None else _amount(wish.cap, currency, "cap")
    made: Action
    match wish.kind:
        case ActionKind.PERCENT:
            made = PercentOff(rate_ppm=read_rate(wish.percent), cap_minor=cap)
        case ActionKind.AMOUNT:
            amount = _amount(wish.amount, currency, "amount")
            made = FixedOff(amount_minor=amount, every=bool(wish.every))
        case ActionKind.BUNDLE:
            price = _amount(wish.amount, currency, "amount")
            made = Bundle(units=_number(wish.units, "units"), price_minor=price)
        case ActionKind.BUY_GET:
            made = _read_buy_get(wish)
        case ActionKind.NTH:
            nth = _number(wish.units, "units", minimum=2)
            made = NthOff(nth=nth, rate_ppm=read_rate(wish.percent))
        case ActionKind.GIFT:
            assert wish.variant_id is not None, "_check_fields has seen it"
            quantity = 1 if wish.units is None else _number(wish.units, "units")
            made = GiftLine(variant_id=wish.variant_id, quantity=quantity)
        case ActionKind.FREE_SHIPPING:
            made = FreeShipping(cap_minor=cap)
    return made


def _read_buy_get(wish: ActionWish) -> BuyGet:
    return BuyGet(
        buy=_number(wish.units, "units"),
        get=_number(wish.get, "get"),
        rate_ppm=ALL_PPM if wish.percent is None else read_rate(wish.percent),
        gets=wish.gets,
        times_max=None if wish.times_max is None else _number(wish.times_max, "timesMax"),
    )


def write_action(action: Action, currency: Currency) -> ActionWish:
    """Return an action as staff write it."""
    match action:
        case PercentOff():
            percent, cap = write_rate(action.rate_ppm), _money(action.cap_minor, currency)
            made = ActionWish(kind=ActionKind.PERCENT, percent=percent, cap=cap)
        case FixedOff():
            amount = _money(action.amount_minor, currency)
            made = ActionWish(kind=ActionKind.AMOUNT, amount=amount, every=action.every)
        case Bundle():
            price, units = _money(action.price_minor, currency), Quantity(action.units)
            made = ActionWish(kind=ActionKind.BUNDLE, units=units, amount=price)
        case BuyGet():
            made = ActionWish(
                kind=ActionKind.BUY_GET,
                units=Quantity(action.buy),
                get=Quantity(action.get),
                percent=write_rate(action.rate_ppm),
                gets=action.gets,
                times_max=None if action.times_max is None else Quantity(action.times_max),
            )
        case NthOff():
            nth, percent = Quantity(action.nth), write_rate(action.rate_ppm)
            made = ActionWish(kind=ActionKind.NTH, units=nth, percent=percent)
        case GiftLine():
            gift, units = action.variant_id, Quantity(action.quantity)
            made = ActionWish(kind=ActionKind.GIFT, variant_id=gift, units=units)
        case FreeShipping():
            cap = _money(action.cap_minor, currency)
            made = ActionWish(kind=ActionKind.FREE_SHIPPING, cap=cap)
    return made


def read_rate(percent: str | None) -> int:
    """Return a share in ppm: "12.5" is 125,000. Raises PromotionRateInvalid."""
    text = (percent or "").strip()
    ppm = int(Decimal(text) * 10_000) if _PERCENT.fullmatch(text) else 0
    if not 0 < ppm <= ALL_PPM:
        refusal = PromotionRateInvalid(
            percent=text, minimum_percent="0.0001", maximum_percent="100"
        )
        raise refusal.located("action.percent")
    return ppm


def write_rate(ppm: int) -> str:
    """Return a share as a percentage: 125,000 is "12.5"."""
    return f"{Decimal(ppm) / 10_000:f}"


def _check_fields(wish: ActionWish) -> None:
    wanted, allowed = ACTION_FIELDS[wish.kind]
    given = {name for name in ActionWish.__struct_fields__ if getattr(wish, name) is not None}
    given.discard("kind")
    if not wanted <= given <= wanted | allowed:
        needs = ", ".join(sorted(wanted)) or "nothing"
        may = f", may take {', '.join(sorted(allowed))}" if allowed else ""
        raise PromotionActionInvalid(
            problem=f"An action {wish.kind.name} takes {needs}{may}, and nothing else."
        ).located("action")


def _number(number: Quantity | None, field: str, *, minimum: int = 1) -> int:
    assert number is not None, "_check_fields has seen it"
    if not minimum <= number <= UNITS_MAX:
        raise PromotionNumberInvalid(number=number, minimum=minimum, maximum=UNITS_MAX).located(
            f"action.{field}"
        )
    return number


def _amount(amount: Money | None, currency: Currency, field: str) -> int:
    assert amount is not None, "_check_fields has seen it"
    if amount.currency != currency or amount.amount_minor <= 0:
        raise PromotionAmountInvalid(amount=amount, currency=currency).located(f"action.{field}")
    return amount.amount_minor


def _money(minor: int | None, currency: Currency) -> Money | None:
    return None if minor is None else Money(minor, currency)
