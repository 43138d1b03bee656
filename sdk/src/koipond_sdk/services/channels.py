"""Channels: where it is sold, in which currencies and languages."""

from koipond.channel.errors import ChannelUnknown, CurrencyNotSold
from koipond.channel.service import choose_scope, find_channels
from koipond.channel.types import Channel

__all__ = ["Channel", "ChannelUnknown", "CurrencyNotSold", "choose_scope", "find_channels"]
