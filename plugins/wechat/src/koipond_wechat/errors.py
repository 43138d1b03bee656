"""Refusals of WeChat's, and of what is no answer of its."""


class WeChatRefused(Exception):
    """A code, or the shop, that WeChat refuses; the message says what to do about it."""


class AccessRefused(WeChatRefused):
    """An access token that no longer holds, though its time is not over: another process, or staff
    of the account, had a new one made."""
