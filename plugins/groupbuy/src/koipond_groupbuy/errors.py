"""Refusals of group buys."""

from datetime import datetime
from typing import ClassVar

from koipond_groupbuy.types import TeamId
from koipond_sdk import ActivityId, DomainError, Quantity, domain_error


@domain_error
class GroupBuyUnknown(DomainError):
    """A group buy that there is none of."""

    code: ClassVar[str] = "GROUP_BUY_UNKNOWN"
    group_buy_id: ActivityId

    def __str__(self) -> str:
        return "There is no such group buy. `Variant.groupBuy` tells the id of the one that runs."


@domain_error
class GroupBuyOver(DomainError):
    """A new team of a group buy that takes no new ones."""

    code: ClassVar[str] = "GROUP_BUY_OVER"
    ends_at: datetime

    def __str__(self) -> str:
        return (
            f"No team can be opened since {self.ends_at.isoformat()}. "
            "Join one that is still open, or buy without a team."
        )


@domain_error
class GroupBuyTimesInvalid(DomainError):
    """A group buy that would end before it begins, or is over already."""

    code: ClassVar[str] = "GROUP_BUY_TIMES_INVALID"
    starts_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        return (
            f"A group buy from {self.starts_at.isoformat()} to {self.ends_at.isoformat()} would "
            "never run. Let it end later than now, and later than it begins."
        )


@domain_error
class TeamSizeInvalid(DomainError):
    """A number of seats that no team has."""

    code: ClassVar[str] = "TEAM_SIZE_INVALID"
    size: int
    minimum: int
    maximum: int

    def __str__(self) -> str:
        return f"A team has {self.minimum} to {self.maximum} seats, not {self.size}."


@domain_error
class TeamPriceInvalid(DomainError):
    """A price that nobody can be asked for."""

    code: ClassVar[str] = "TEAM_PRICE_INVALID"

    def __str__(self) -> str:
        return "A team's price is more than nothing. Give it in major units: 12.50."


@domain_error
class TeamLifetimeInvalid(DomainError):
    """A time that no team is given."""

    code: ClassVar[str] = "TEAM_LIFETIME_INVALID"
    hours: int
    maximum: int

    def __str__(self) -> str:
        return f"A team is given 1 to {self.maximum} hours, not {self.hours}."


@domain_error
class TeamUnknown(DomainError):
    """A team that there is none of in this group buy, or whose opener has not paid yet."""

    code: ClassVar[str] = "TEAM_UNKNOWN"
    team_id: TeamId

    def __str__(self) -> str:
        return (
            "There is no such team to join, or not yet: it opens when its opener has paid. "
            "Leave `teamId` out to open a team of your own."
        )


@domain_error
class TeamOver(DomainError):
    """A team that is complete, or whose time has run out."""

    code: ClassVar[str] = "TEAM_OVER"
    team_id: TeamId
    state: str
    size: int

    def __str__(self) -> str:
        return (
            f"This team of {self.size} takes nobody any more: it is {self.state}. "
            "Join another one, or leave `teamId` out to open a team of your own."
        )


@domain_error
class TeamFull(DomainError):
    """A team all of whose seats are taken, some perhaps by buyers who are paying."""

    code: ClassVar[str] = "TEAM_FULL"
    team_id: TeamId
    size: int

    def __str__(self) -> str:
        return (
            f"All {self.size} seats of this team are taken, 0 are left. "
            "Join another one, or leave `teamId` out to open a team of your own."
        )


@domain_error
class AlreadyInTeam(DomainError):
    """A second seat of one buyer while a team of theirs in this group buy is open."""

    code: ClassVar[str] = "ALREADY_IN_TEAM"
    group_buy_id: ActivityId
    teams: int
    maximum: int

    def __str__(self) -> str:
        return (
            f"You have a seat in {self.teams} open team of this group buy, {self.maximum} is "
            "possible. Wait until that team is complete or over; an order that you have not paid "
            "can be cancelled."
        )


@domain_error
class TeamOrderMixed(DomainError):
    """Other goods in an order that waits for a team."""

    code: ClassVar[str] = "TEAM_ORDER_MIXED"
    lines: int

    def __str__(self) -> str:
        return (
            f"{self.lines} lines are in this order, 1 is possible: it waits for the team as a "
            "whole. Order the others by themselves."
        )


@domain_error
class TeamQuantityInvalid(DomainError):
    """More units than a seat has."""

    code: ClassVar[str] = "TEAM_QUANTITY_INVALID"
    quantity: Quantity
    maximum: int

    def __str__(self) -> str:
        return f"{self.quantity} units asked for, a seat in a team is for {self.maximum}."


@domain_error
class TeamStillForming(DomainError):
    """Leaving a team that has been paid for, while it may still become complete."""

    code: ClassVar[str] = "TEAM_STILL_FORMING"
    team_id: TeamId
    deadline: datetime

    def __str__(self) -> str:
        return (
            f"Your team may become complete until {self.deadline.isoformat()}; until then your "
            "order stands. If it does not, you get your money back by itself."
        )
