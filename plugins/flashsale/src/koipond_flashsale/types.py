"""Rounds of flash sales, seen from outside."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from msgspec import Meta, Struct

from koipond_sdk import (
    ActivityId,
    ChannelId,
    Currency,
    Job,
    Money,
    PluginSettings,
    Quantity,
    VariantId,
    name_ids,
)
from koipond_sdk.services.quotas import QuotaId

FlashSaleRoundId = NewType("FlashSaleRoundId", UUID)
name_ids(FlashSaleRoundId, "flash")

WINDOW_MINUTES_MAX = 60


class FlashSaleSettings(PluginSettings, frozen=True):
    """What staff may set. payment_window_minutes: how long an order of a round may be unpaid.

    The shorter, the sooner the units of those who do not pay are there for others.
    """

    payment_window_minutes: Annotated[int, Meta(ge=1, le=WINDOW_MINUTES_MAX)] = 10


class RoundState(StrEnum):
    """Whether a round still has its units; OPEN is before its start, too."""

    OPEN = "open"
    ENDED = "ended"


class FlashSaleState(StrEnum):
    """What buyers are told of a round. SOLD_OUT: for now; who does not pay gives units back."""

    ANNOUNCED = "announced"
    RUNNING = "running"
    SOLD_OUT = "sold_out"
    ENDED = "ended"


class Round(Struct, frozen=True, kw_only=True):
    """One round: `units` of a variant for another price, from `starts_at` until before `ends_at`.

    units: all that were ever set apart for it. limit_per_member: None means any number, for guests
    too. quota_id: where its units are counted. activity_id: how its price is published.
    version: one more with every change.
    """

    id: FlashSaleRoundId
    channel_id: ChannelId
    variant_id: VariantId
    currency: Currency
    unit_price_minor: int
    units: int
    limit_per_member: int | None
    starts_at: datetime
    ends_at: datetime
    payment_window_s: int
    state: RoundState
    quota_id: QuotaId
    activity_id: ActivityId
    created_at: datetime
    version: int = 1

    @property
    def price(self) -> Money:
        """What one unit costs."""
        return Money(self.unit_price_minor, self.currency)

    @property
    def payment_window(self) -> timedelta:
        """How long an order with units of it may be unpaid."""
        return timedelta(seconds=self.payment_window_s)

    @property
    def members_only(self) -> bool:
        """Tell whether guests are left out: nobody could count what they have."""
        return self.limit_per_member is not None


class RoundWish(Struct, frozen=True, kw_only=True):
    """A round as staff ask for it, before anything of it was checked.

    channel: its code, None: the request's. starts_at: None means now. payment_window_minutes: None
    means as it is set for the channel.
    """

    variant_id: VariantId
    price: Money
    units: Quantity
    ends_at: datetime
    channel: str | None = None
    limit_per_member: Quantity | None = None
    starts_at: datetime | None = None
    payment_window_minutes: Quantity | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """A round as it stands. free: units left; was: the price of the list now, where it is more."""

    round: Round
    free: int
    was: Money | None
    now: datetime

    @property
    def state(self) -> FlashSaleState:
        """What buyers are told of it."""
        one = self.round
        if one.state is RoundState.ENDED or self.now >= one.ends_at:
            return FlashSaleState.ENDED
        if self.now < one.starts_at:
            return FlashSaleState.ANNOUNCED
        return FlashSaleState.RUNNING if self.free else FlashSaleState.SOLD_OUT


class EndFlashSaleRounds(Job, frozen=True, kw_only=True):
    """End the rounds that are past their end."""
