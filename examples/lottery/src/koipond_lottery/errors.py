"""Refusals of lotteries."""

from datetime import datetime
from typing import ClassVar

from koipond_sdk import DomainError, domain_error


@domain_error
class LotteryInvalid(DomainError):
    """A lottery that cannot be made."""

    code: ClassVar[str] = "LOTTERY_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"This lottery cannot be made: {self.reason}."


@domain_error
class LotteryUnknown(DomainError):
    """A lottery that there is none of in this channel."""

    code: ClassVar[str] = "LOTTERY_UNKNOWN"
    lottery: str

    def __str__(self) -> str:
        return f"There is no lottery {self.lottery} here. Ask for `lotteries`."


@domain_error
class LotteryNotOpen(DomainError):
    """An entry before a lottery begins, or when it is over."""

    code: ClassVar[str] = "LOTTERY_NOT_OPEN"
    starts_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        return (
            f"The lottery takes entries from {self.starts_at:%Y-%m-%d %H:%M} UTC until "
            f"{self.ends_at:%Y-%m-%d %H:%M} UTC. Come back then, or look for another one."
        )


@domain_error
class LotteryEnteredToday(DomainError):
    """A second entry on one day. next_at: when the next one is possible."""

    code: ClassVar[str] = "LOTTERY_ENTERED_TODAY"
    next_at: datetime

    def __str__(self) -> str:
        return f"You have entered today. Enter again from {self.next_at:%Y-%m-%d %H:%M} UTC on."


@domain_error
class LotteryEnteredLast(DomainError):
    """A second entry on the last day of a lottery."""

    code: ClassVar[str] = "LOTTERY_ENTERED_LAST"
    ends_at: datetime

    def __str__(self) -> str:
        return (
            "You have entered today, and it is the lottery's last day. All draws are shown from "
            f"{self.ends_at:%Y-%m-%d %H:%M} UTC on."
        )


@domain_error
class LotteryNotOver(DomainError):
    """A look at all draws of a lottery that still takes entries."""

    code: ClassVar[str] = "LOTTERY_NOT_OVER"
    ends_at: datetime

    def __str__(self) -> str:
        return f"All draws are shown when the lottery is over, {self.ends_at:%Y-%m-%d %H:%M} UTC."


@domain_error
class LotteryEntryUnknown(DomainError):
    """An entry that there is none of."""

    code: ClassVar[str] = "LOTTERY_ENTRY_UNKNOWN"
    entry: str

    def __str__(self) -> str:
        return f"There is no entry {self.entry}. Ask for `lotteryWinners`."


@domain_error
class LotteryNothingToDeliver(DomainError):
    """A delivery of what was not won, or is delivered already."""

    code: ClassVar[str] = "LOTTERY_NOTHING_TO_DELIVER"
    state: str

    def __str__(self) -> str:
        return f"The entry is {self.state}: only what is given is to be delivered."
