"""Where a request shops: channel, currency and languages, from its headers and without SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from babel.core import Locale as BabelLocale
from babel.core import UnknownLocaleError, get_global

from koipond.channel import rules, service
from koipond.channel.types import Channel
from koipond.kernel.context import Scope, Shop
from koipond.kernel.texts import LOCALE_MAX, Locale
from koipond.kernel.viewer import GUEST

_RANGES_MAX = 20
# Characters of a header of languages that are read.
_ACCEPTED_MAX = 500
# How many different wishes are remembered.
_CHOSEN_MAX = 1_024
# The headers Koi-Channel, Koi-Currency, Koi-Locale and Accept-Language.
_Wish = tuple[str | None, str | None, str | None, str]


class Scopes:
    """Chooses the scope of each request from channels that were read at most 5 s ago."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        # What requests asked for of these channels, and what they got: most ask for the same.
        self._chosen_of: Sequence[Channel] = ()
        self._chosen: dict[_Wish, Scope] = {}

    async def choose(self, headers: Mapping[str, str]) -> Scope:
        """Return the scope that Koi-Channel, Koi-Currency and Koi-Locale ask for.

        headers: {name in lower case: value}. Without Koi-Locale the closest of the channel's
        languages to Accept-Language is taken, without a word if there is none.
        Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
        """
        channels = service.CHANNELS.at_hand(self._shop) or await self._find_channels()
        if channels is not self._chosen_of:
            self._chosen_of, self._chosen = channels, {}
        wish = (
            headers.get("koi-channel"),
            headers.get("koi-currency"),
            headers.get("koi-locale"),
            headers.get("accept-language", "")[:_ACCEPTED_MAX],
        )
        found = self._chosen.get(wish)
        if found is None:
            found = _choose(channels, wish)
            if len(self._chosen) >= _CHOSEN_MAX:
                self._chosen.clear()
            self._chosen[wish] = found
        return found

    async def _find_channels(self) -> Sequence[Channel]:
        async with self._shop.context(viewer=GUEST) as ctx:
            return await service.recall_channels(ctx)


def _choose(channels: Sequence[Channel], wish: _Wish) -> Scope:
    code, currency, locale, accepted = wish
    if locale is None:
        known = next((one.locales for one in channels if code in {None, one.code}), ())
        locale = closest_locale(accepted, known)
    return rules.choose(channels, code=code, currency=currency, locale=locale)


@lru_cache(1024)
def closest_locale(accepted: str, known: tuple[Locale, ...]) -> str | None:
    """Return the one of `known` that an Accept-Language header likes best, or None.

    A tag fits its more general forms (de-AT: de), and else a language in the same script
    (zh-CN: zh-Hans, zh-TW: zh-Hant).
    """
    for tag in _by_preference(accepted):
        parts = tag.split("-")
        forms = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
        exact = (one for form in forms for one in known if one.lower() == form.lower())
        script = _script(tag)
        similar = (one for one in known if script is not None and _script(one) == script)
        found = next(exact, None) or next(similar, None)
        if found is not None:
            return found
    return None


def _by_preference(accepted: str) -> list[str]:
    """Return the tags of an Accept-Language header (RFC 9110, section 12.5.4), the best first."""
    weighed: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_RANGES_MAX]:
        tag, _, weight = part.partition(";")
        name, _, value = weight.strip().partition("=")
        try:
            quality = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        if 0 < len(tag.strip()) <= LOCALE_MAX and 0 < quality <= 1:
            weighed.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda one: one[0])]


@lru_cache(1024)
def _script(tag: str) -> tuple[str, str | None] | None:
    """Return the language of a tag and the script that it is most likely written in."""
    try:
        locale = BabelLocale.parse(tag, sep="-", resolve_likely_subtags=True)
    except (ValueError, UnknownLocaleError):
        return None
    likely = get_global("likely_subtags").get(locale.language, "")
    return locale.language, locale.script or next(iter(likely.split("_")[1:]), None)
