"""Which lines a promotion speaks of, and which promotions may speak of a cart at all."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from koipond_promotions.types import Hours, Promotion, PromotionId, Rule, Selection
from koipond_sdk import ChannelId, Currency
from koipond_sdk.hooks import CartItem

Place = tuple[ChannelId, Currency]


class Shelf:
    """The promotions of one channel and currency that count by themselves, by what they are for."""

    def __init__(self, promotions: Iterable[Promotion]) -> None:
        by_minimum = []
        self._by_key: dict[UUID, list[Promotion]] = defaultdict(list)
        for one in promotions:
            keys = one.rule.selection.named
            for key in dict.fromkeys(keys):
                self._by_key[key].append(one)
            if not keys:
                by_minimum.append((one.rule.conditions.minimum_minor, one))
        by_minimum.sort(key=lambda known: known[0])
        self._minimums = [minimum for minimum, _ in by_minimum]
        self._for_all = [one for _, one in by_minimum]

    def find(self, items: Sequence[CartItem]) -> list[Promotion]:
        """Return those that may count for lines: what they are for is there, and dear enough.

        Of a thousand promotions only those of what is in the cart are looked at.
        """
        total = sum(item.unit_minor * item.quantity for item in items)
        found = {one.id: one for one in self._for_all[: bisect_right(self._minimums, total)]}
        lines = Lines(items)
        for key in lines.keys:
            for one in self._by_key.get(key, ()):
                found[one.id] = one
        return [one for one in found.values() if reaches(one.rule, lines)]


class Board:
    """All live promotions: those that count by themselves by place, and all by id."""

    def __init__(self, promotions: Iterable[Promotion]) -> None:
        self.by_id: Mapping[PromotionId, Promotion] = {one.id: one for one in promotions}
        places: dict[Place, list[Promotion]] = defaultdict(list)
        for one in self.by_id.values():
            if not one.needs_coupon:
                places[one.channel_id, one.currency].append(one)
        self._shelves = {place: Shelf(some) for place, some in places.items()}
        self._lists = places

    def find(self, place: Place, items: Sequence[CartItem]) -> list[Promotion]:
        """Return those of a place that may count for lines; see Shelf."""
        shelf = self._shelves.get(place)
        return [] if shelf is None else shelf.find(items)

    def all_of(self, place: Place) -> Sequence[Promotion]:
        """Return those of a place that count by themselves, begun or not."""
        return self._lists.get(place, ())


class Selected:
    """Lines that a rule may touch, and what they come to before any promotion.

    targets: {line: all of its units}.
    """

    __slots__ = ("items", "targets", "total_minor", "units")

    def __init__(self, items: Sequence[CartItem]) -> None:
        self.items = items
        self.targets = {item.id: item.quantity for item in items}
        self.units = count_units(items)
        self.total_minor = sum(item.unit_minor * item.quantity for item in items)


class Lines:
    """The lines of a cart, and which of them are of what: looked at once for all promotions."""

    def __init__(self, items: Sequence[CartItem]) -> None:
        self.items = items
        # {product, variant or category: the places of its lines}
        self._places: dict[UUID, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            for key in (item.product_id, item.variant_id, *item.category_ids):
                self._places[key].append(place)
        # {with those of activities: {key of a selection: its lines}}
        self._selected: dict[bool, dict[str, Selected]] = {False: {}, True: {}}

    @property
    def keys(self) -> Iterable[UUID]:
        """Every product, variant and category that is there."""
        return self._places.keys()

    def select(self, rule: Rule, selection: Selection) -> Selected:
        """Return the lines that a rule may touch: those of activities only if it says so."""
        known = self._selected[rule.with_activities]
        found = known.get(selection.key)
        if found is None:
            found = known[selection.key] = Selected(self._find(rule, selection))
        return found

    def _find(self, rule: Rule, selection: Selection) -> Sequence[CartItem]:
        found = self._named(selection)
        if selection.except_product_ids or selection.except_category_ids:
            found = [item for item in found if not _is_excepted(selection, item)]
        if not rule.with_activities:
            found = [item for item in found if item.activity_id is None]
        return found

    def _named(self, selection: Selection) -> Sequence[CartItem]:
        if not selection.named:
            return self.items
        places = {place for key in selection.named for place in self._places.get(key, ())}
        return [self.items[place] for place in sorted(places)]


def _is_excepted(selection: Selection, item: CartItem) -> bool:
    return item.product_id in selection.except_product_ids or not item.category_ids.isdisjoint(
        selection.except_category_ids
    )


def reaches(rule: Rule, lines: Lines) -> bool:
    """Tell whether lines come to a rule's minimums, before any promotion."""
    conditions = rule.conditions
    selected = lines.select(rule, rule.selection)
    return (
        bool(selected.items)
        and selected.units >= conditions.minimum_units
        and selected.total_minor >= conditions.minimum_minor
    )


def count_units(items: Iterable[CartItem]) -> int:
    """Return how many units lines have together."""
    return sum(item.quantity for item in items)


def is_open(hours: Hours | None, now: datetime, time_zone: str) -> bool:
    """Tell whether an instant is within hours; those over midnight belong to the day they begin."""
    if hours is None:
        return True
    local = now.astimezone(ZoneInfo(time_zone))
    minute = local.hour * 60 + local.minute
    if hours.from_minute < hours.until_minute:
        day, inside = local, hours.from_minute <= minute < hours.until_minute
    else:
        early = minute < hours.until_minute
        day = local - timedelta(days=1) if early else local
        inside = early or minute >= hours.from_minute
    return inside and (not hours.weekdays or day.isoweekday() in hours.weekdays)
