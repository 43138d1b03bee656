"""Which channel, currency and languages a request gets, without a database."""

import pytest

from koipond.channel import rules
from koipond.channel.errors import (
    ChannelInvalid,
    ChannelUnknown,
    CurrencyNotSold,
    ZoneInvalid,
)
from koipond.channel.types import ChannelDraft, Place, ZoneDraft
from koipond.kernel.ids import ChannelId, new_id
from koipond.kernel.money import Rounding, RoundingPolicy
from koipond.kernel.texts import LocaleUnknown


def make(code: str = "cn", **changes: object) -> rules.Channel:
    words = {
        "name": "China",
        "currencies": ("CNY", "EUR"),
        "locales": ("zh-Hans", "en"),
        "time_zone": "Asia/Shanghai",
    } | changes
    draft = ChannelDraft(**({"code": code} | words))  # type: ignore[arg-type]  # plain words
    return rules.make_channel(ChannelId(new_id()), draft)


CN, EU = make("cn"), make("eu", currencies=("EUR",), locales=("en",))


def test_what_is_left_out_takes_the_channels_first() -> None:
    scope = rules.choose([CN, EU], code=None, currency=None, locale=None)
    assert (scope.channel, scope.currency, scope.locales) == ("cn", "CNY", ("zh-Hans", "en"))


def test_a_language_goes_first_and_the_others_stay_as_its_fallback() -> None:
    scope = rules.choose([CN], code="cn", currency="EUR", locale="en-GB")
    assert (scope.currency, scope.locales) == ("EUR", ("en", "zh-Hans"))


def test_an_unknown_channel_currency_or_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ChannelUnknown, match="This shop has: cn, eu"):
        rules.choose([CN, EU], code="us", currency=None, locale=None)
    with pytest.raises(CurrencyNotSold, match="only in EUR"):
        rules.choose([CN, EU], code="eu", currency="CNY", locale=None)
    with pytest.raises(LocaleUnknown, match="zh-Hans, en"):
        rules.choose([CN, EU], code="cn", currency=None, locale="fr")


def test_a_currency_or_language_that_is_named_twice_is_one() -> None:
    made = make(currencies=["EUR", "CNY", "EUR"], locales=["de", "en", "de"])
    assert (made.currencies, made.locales) == (("EUR", "CNY"), ("de", "en"))


def test_a_language_tag_that_is_longer_than_any_is_not_taken_apart() -> None:
    assert rules.choose([CN], code="cn", currency=None, locale="en-GB-oxendict").locales[0] == "en"
    with pytest.raises(LocaleUnknown):
        rules.choose([CN], code="cn", currency=None, locale="en" + "-a" * 17)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "C N"}, "a code is"),
        ({"name": "x" * 121}, "121 characters, at most 120"),
        ({"currencies": []}, "at least one currency"),
        ({"currencies": ["TEA"]}, "no current ISO 4217"),
        ({"locales": ["klingon!"]}, r"'klingon!' is no language tag.* zh-Hans\.$"),
        ({"time_zone": "Mars/Olympus"}, "no time zone; write it like Europe/Berlin, or UTC"),
        ({"time_zone": "Europe"}, "'Europe' is no time zone"),
        ({"country": "Germany"}, "'Germany' is no country; write it in two letters"),
        ({"region": "CA"}, "a region is of a country"),
        ({"rounding": {"JPY": ("half_away", False)}}, "it rounds 'JPY', and sells in CNY, EUR"),
        ({"rounding": {"CNY": ("down", False)}}, "it rounds 'down'; there are half_away"),
    ],
)
def test_a_channel_of_wrong_words_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ChannelInvalid, match=words) as refused:
        make(**changes)  # type: ignore[arg-type]  # wrong on purpose
    assert ".." not in str(refused.value)


def test_a_currency_is_rounded_as_its_channel_says_any_other_as_usual() -> None:
    made = make(rounding={"CNY": ("half_even", True)})
    policies = {
        code: rules.choose([made], code=None, currency=code, locale=None).rounding
        for code in ("CNY", "EUR")
    }
    assert policies == {
        "CNY": RoundingPolicy(rounding=Rounding.HALF_EVEN, per_unit=True),
        "EUR": RoundingPolicy(rounding=Rounding.HALF_AWAY, per_unit=False),
    }


def test_a_place_is_in_a_zone_by_its_region_closer_than_by_its_country() -> None:
    zone = rules.make_zone(ZoneDraft(code="west", name="West", places=("us/CA", "CA", "us/ca ")))
    assert zone.places == (Place("CA"), Place("US", "CA"), Place("US", "ca"))
    assert [
        rules.closeness(zone, place)
        for place in (Place("US", " ca"), Place("CA", "BC"), Place("US", "NY"), Place("US"))
    ] == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "E U"}, "a code is a-z"),
        ({"name": " "}, "its name has 0 characters, 1 to 120"),
        ({"places": ("DEU",)}, "'DEU' is no place; write a country like DE, or a region"),
        ({"places": ("D/E",)}, "'D/E' is no place"),
        ({"places": ("DE",) * 1_001}, "it has 1001 places, at most 1000"),
    ],
)
def test_a_zone_of_wrong_words_is_refused(changes: dict[str, object], words: str) -> None:
    draft = {"code": "eu", "name": "EU", "places": ("DE",)} | changes
    with pytest.raises(ZoneInvalid, match=words):
        rules.make_zone(ZoneDraft(**draft))  # type: ignore[arg-type]  # wrong on purpose
