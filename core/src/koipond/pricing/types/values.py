"""Whether what a plugin says is what it should be: types alone are not looked at when it runs."""

from koipond.kernel.money import MAX_MINOR

# As much as is kept of them with an order.
RULE_MAX, LABEL_MAX, GROUP_MAX, CODE_MAX = 120, 500, 60, 120
# What a column of whole numbers takes.
_WHOLE_MAX = 2**31 - 1


def is_amount(value: object, least: int = 0) -> bool:
    """Tell whether something is an amount in minor units: never a fraction of one."""
    return type(value) is int and least <= value <= MAX_MINOR


def is_whole(value: object, least: int = -_WHOLE_MAX, most: int = _WHOLE_MAX) -> bool:
    """Tell whether something is a whole number that can be kept."""
    return type(value) is int and least <= value <= most


def is_text(value: object, most: int, *, least: int = 0) -> bool:
    """Tell whether something is text that can be kept. Raises UnicodeEncodeError."""
    if not isinstance(value, str) or not least <= len(value) <= most or "\0" in value:
        return False
    return value.isascii() or bool(value.encode())
