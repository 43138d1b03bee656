"""What happens in lotteries."""

from typing import ClassVar

from koipond_lottery.types import EntryId, LotteryId, PrizeId
from koipond_sdk import Event, MemberId


class LotteryEntered(Event, frozen=True, kw_only=True):
    """A member entered a lottery. number: the day of the lottery, 1 being its first."""

    aggregate: ClassVar[str] = "entry_id"
    entry_id: EntryId
    lottery_id: LotteryId
    member_id: MemberId
    number: int


class PrizeWon(Event, frozen=True, kw_only=True):
    """A member won a unit of a prize, and it is theirs."""

    aggregate: ClassVar[str] = "entry_id"
    entry_id: EntryId
    lottery_id: LotteryId
    member_id: MemberId
    prize_id: PrizeId
