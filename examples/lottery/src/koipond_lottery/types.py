"""Lotteries, seen from outside."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct

from koipond_sdk import ChannelId, MemberId, name_ids

LotteryId = NewType("LotteryId", UUID)
PrizeId = NewType("PrizeId", UUID)
EntryId = NewType("EntryId", UUID)

name_ids(LotteryId, "lottery")
name_ids(PrizeId, "prize")
name_ids(EntryId, "entry")


class EntryState(StrEnum):
    """What became of an entry. SOLD_OUT: a prize was drawn, and all of its units were given."""

    NOTHING = "nothing"
    SOLD_OUT = "sold_out"
    GIVEN = "given"
    DELIVERED = "delivered"


class PrizeDraft(Struct, frozen=True, kw_only=True):
    """A prize to be. odds_ppm: how many of a million draws are to win it.

    reward_kind: what a plugin gives by itself, such as "points", `reward_amount` of it; "": what is
    called so is delivered by staff.
    """

    name: str
    units: int
    odds_ppm: int
    reward_kind: str = ""
    reward_amount: int = 1


class LotteryDraft(Struct, frozen=True, kw_only=True):
    """A lottery to be; it is entered from `starts_at` on, and at `ends_at` no more."""

    name: str
    starts_at: datetime
    ends_at: datetime
    prizes: tuple[PrizeDraft, ...]


class Prize(Struct, frozen=True, kw_only=True):
    """A prize of a lottery. given: units that were won, at most `units`."""

    id: PrizeId
    lottery_id: LotteryId
    position: int
    name: str
    units: int
    given: int
    odds_ppm: int
    reward_kind: str
    reward_amount: int


class Lottery(Struct, frozen=True, kw_only=True):
    """A lottery with its prizes in their order. seed: 64 hexadecimal digits, secret until it ends.

    time_zone: where its days begin; the channel's when it was made.
    """

    id: LotteryId
    channel_id: ChannelId
    name: str
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    seed: str
    prizes: tuple[Prize, ...]


class Entry(Struct, frozen=True, kw_only=True):
    """What a member drew. entrant: who they are in the draw; it stays when members are merged.

    number: the day of the lottery, 1 being its first. roll: 0 to 999,999. prize_id: what was drawn,
    whether or not a unit of it was left.
    """

    id: EntryId
    lottery_id: LotteryId
    member_id: MemberId
    entrant: str
    number: int
    roll: int
    prize_id: PrizeId | None
    state: EntryState
    entered_at: datetime
    delivered_at: datetime | None = None


class Drawn(Struct, frozen=True, kw_only=True):
    """What an entry draws. roll: 0 to 999,999. prize: whether or not a unit of it is left."""

    roll: int
    prize: Prize | None
