"""Which rates of tax hold at a place, and what a rate must be."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from koipond.channel.rules import closeness
from koipond.channel.types import Place
from koipond.kernel.clock import dates_in_words
from koipond.kernel.ids import TaxRateId, encode
from koipond.kernel.money import PPM
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Locale, pick
from koipond.kernel.texts import locale as parse_locale
from koipond.pricing.types import TaxShare, TaxTable
from koipond.tax.errors import (
    TaxCategoryInvalid,
    TaxRateInvalid,
    TaxRateOutOfRange,
    TaxRateOverlaps,
)
from koipond.tax.types import (
    SHIPPING,
    STANDARD,
    TaxCategory,
    TaxRate,
    TaxRateDraft,
    TaxRules,
)

LABEL_MAX = 120
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_NAME_MAX = 120


def make_table(
    rules: TaxRules, place: Place, now: datetime, *, included: bool, locales: Sequence[Locale]
) -> TaxTable | None:
    """Return what is taxed how at a place at an instant; None where nothing is.

    Of several zones that the place is in, one that names its region goes before one that names its
    country, then by their codes.
    """
    shares: dict[str, TaxShare] = {}
    for rate in sorted(_reaching(rules, place), key=lambda one: one[0]):
        found = rate[-1]
        if found.holds_at(now) and found.category_code not in shares:
            shares[found.category_code] = TaxShare(
                rule=encode(TaxRateId, found.id),
                label=pick(found.label, locales),
                rate_ppm=found.rate_ppm,
            )
    if not shares:
        return None
    shipping = SHIPPING if SHIPPING in rules.categories else STANDARD
    return TaxTable(included=included, rates=shares, goods=STANDARD, shipping=shipping)


def _reaching(rules: TaxRules, place: Place) -> Iterable[tuple[tuple[int, str], TaxRate]]:
    """Return the rates of zones that the place is in, each with what it is sorted by."""
    near = {code: closeness(zone, place) for code, zone in rules.zones.items()}
    for rate in rules.rates:
        if near.get(rate.zone_code):
            yield (-near[rate.zone_code], rate.zone_code), rate


def make_category(code: str, name: str) -> TaxCategory:
    """Make a category from plain words. Raises TaxCategoryInvalid."""
    length = len(name.strip())
    if not _CODE.fullmatch(code):
        reason = "a code is a-z, 0-9 and -, at most 40 characters"
        raise TaxCategoryInvalid(category=code, reason=reason)
    if not 0 < length <= _NAME_MAX:
        reason = f"its name has {length} characters, 1 to {_NAME_MAX} are kept"
        raise TaxCategoryInvalid(category=code, reason=reason)
    return TaxCategory(code=code, name=name.strip())


def make_rate(key: TaxRateId, draft: TaxRateDraft, known: Iterable[TaxRate]) -> TaxRate:
    """Make a rate from plain words. known: those of its zone and category, among others.

    Raises TaxRateOutOfRange, TaxRateInvalid, TaxRateOverlaps, LocaleUnknown.
    """
    if not 0 <= draft.rate_ppm <= PPM:
        raise TaxRateOutOfRange(rate_ppm=Quantity(draft.rate_ppm), most_ppm=PPM).located("ratePpm")
    label = {parse_locale(tag): text.strip() for tag, text in draft.label.items()}
    if not label or not all(0 < len(text) <= LABEL_MAX for text in label.values()):
        reason = f"its label has 1 to {LABEL_MAX} characters in at least one language"
        raise TaxRateInvalid(reason=reason).located("label")
    if draft.starts_at and draft.ends_at and draft.starts_at >= draft.ends_at:
        reason = f"it would end at {draft.ends_at.isoformat()}, before it begins"
        raise TaxRateInvalid(reason=reason).located("endsAt")
    made = TaxRate(
        id=key,
        zone_code=draft.zone,
        category_code=draft.category,
        rate_ppm=draft.rate_ppm,
        label=label,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
    )
    check_overlap(made, known)
    return made


def check_overlap(new: TaxRate, known: Iterable[TaxRate]) -> None:
    """Raise TaxRateOverlaps if another rate holds for the same goods in the same zone meanwhile."""
    for one in known:
        same = (one.zone_code, one.category_code) == (new.zone_code, new.category_code)
        if same and one.id != new.id and _meet(one, new):
            raise TaxRateOverlaps(
                zone=one.zone_code,
                category=one.category_code,
                rate_ppm=Quantity(one.rate_ppm),
                dates=dates_in_words(one.starts_at, one.ends_at),
            )


def _meet(one: TaxRate, other: TaxRate) -> bool:
    return _begins_before_end(one, other) and _begins_before_end(other, one)


def _begins_before_end(one: TaxRate, other: TaxRate) -> bool:
    return one.starts_at is None or other.ends_at is None or one.starts_at < other.ends_at
