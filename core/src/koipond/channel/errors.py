"""Refusals about channels and zones."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class ChannelUnknown(DomainError):
    """A channel that this shop does not have."""

    code: ClassVar[str] = "CHANNEL_UNKNOWN"
    channel: str
    known: str

    def __str__(self) -> str:
        return f"There is no channel {self.channel[:40]!r}. This shop has: {self.known}."


@domain_error
class CurrencyNotSold(DomainError):
    """A currency in which this channel does not sell."""

    code: ClassVar[str] = "CURRENCY_NOT_SOLD"
    channel: str
    currency: str
    known: str

    def __str__(self) -> str:
        return (
            f"Channel {self.channel} does not sell in {self.currency[:40]!r}, only in {self.known}."
        )


@domain_error
class ChannelInvalid(DomainError):
    """A channel that cannot be made."""

    code: ClassVar[str] = "CHANNEL_INVALID"
    channel: str
    reason: str

    def __str__(self) -> str:
        return f"Channel {self.channel[:40]!r} cannot be made: {self.reason}."


@domain_error
class ZoneInvalid(DomainError):
    """A zone that cannot be made."""

    code: ClassVar[str] = "ZONE_INVALID"
    zone: str
    reason: str

    def __str__(self) -> str:
        return f"Zone {self.zone[:40]!r} cannot be made: {self.reason}."


@domain_error
class ZoneUnknown(DomainError):
    """A zone that this shop does not have."""

    code: ClassVar[str] = "ZONE_UNKNOWN"
    zone: str
    known: str

    def __str__(self) -> str:
        return f"There is no zone {self.zone[:40]!r}. `setZone` makes one. There are: {self.known}."


@domain_error
class ChannelNotHeld(DomainError):
    """An act in a channel, by somebody who has the right to it in others."""

    code: ClassVar[str] = "CHANNEL_NOT_HELD"
    permission: str
    channel: str
    channels: str

    def __str__(self) -> str:
        return (
            f"You hold {self.permission} in {self.channels or 'no channel'}, and not in "
            f"{self.channel[:40] or 'all channels'}. Ask somebody who does."
        )


@domain_error
class SourceInvalid(DomainError):
    """A source that cannot be kept."""

    code: ClassVar[str] = "SOURCE_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The source cannot be kept: {self.reason}. Leave it out, or give a shorter one."
