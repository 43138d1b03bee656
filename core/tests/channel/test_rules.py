"""Which channel, currency and languages a request gets, without a database."""

import pytest

from koipond.channel import rules
from koipond.channel.errors import ChannelInvalid, ChannelUnknown, CurrencyNotSold
from koipond.kernel.ids import ChannelId, new_id
from koipond.kernel.texts import LocaleUnknown


def make(code: str = "cn", **changes: object) -> rules.Channel:
    words = {
        "name": "China",
        "currencies": ["CNY", "EUR"],
        "locales": ["zh-Hans", "en"],
        "time_zone": "Asia/Shanghai",
    } | changes
    return rules.make_channel(ChannelId(new_id()), code=code, **words)  # type: ignore[arg-type]  # plain words


CN, EU = make("cn"), make("eu", currencies=["EUR"], locales=["en"])


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
    ],
)
def test_a_channel_of_wrong_words_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ChannelInvalid, match=words) as refused:
        make(**changes)  # type: ignore[arg-type]  # wrong on purpose
    assert ".." not in str(refused.value)
