"""Texts in several languages, kept beside each other, and which of them a reader gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NewType

from babel.core import Locale as BabelLocale
from babel.core import UnknownLocaleError

from koipond.kernel.errors import DomainError, domain_error

Locale = NewType("Locale", str)
# Characters of a language tag: RFC 5646, section 4.4.1. The columns hold no more.
LOCALE_MAX = 35
# {locale: text}; at least one entry.
Texts = Mapping[Locale, str]


@domain_error
class LocaleUnknown(DomainError):
    """A code that is no language tag (nothing is known), or not a language of this channel."""

    code: ClassVar[str] = "LOCALE_UNKNOWN"
    locale: str
    known: str

    def __str__(self) -> str:
        if not self.known:
            return f"{self.locale[:40]!r} is no language tag. Write it like en, de-AT or zh-Hans."
        return f"{self.locale[:40]!r} is not a language here. Use one of: {self.known}."


def locale(code: str) -> Locale:
    """Return `code` as a Locale: a tag such as en, de-AT, zh-Hans. Raises LocaleUnknown."""
    if len(code) > LOCALE_MAX:
        raise LocaleUnknown(locale=code, known="")
    try:
        BabelLocale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise LocaleUnknown(locale=code, known="") from error
    return Locale(code)


def pick(texts: Texts, locales: Sequence[Locale]) -> str:
    """Return the text of the first of `locales` that there is, else of any; "" if there is none.

    locales: the reader's fallback chain, the wanted language first.
    """
    for wanted in locales:
        if wanted in texts:
            return texts[wanted]
    return next(iter(texts.values()), "")
