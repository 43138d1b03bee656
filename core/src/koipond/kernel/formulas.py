"""Texts in a CSV that a spreadsheet would take for formulas: prefixed on the way out, and back."""

import re

# OWASP's list; an apostrophe before one makes it a text in every spreadsheet.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n|%＝＋－＠]")


def guard(text: str) -> str:
    """Return a text as it can stand in a CSV: what begins like a formula is put behind an '."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return what `guard` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
