import pytest

from koipond.kernel.texts import Locale, LocaleUnknown, locale, pick

EN, ZH, DE = Locale("en"), Locale("zh-Hans"), Locale("de")


def test_a_reader_gets_the_first_language_that_there_is() -> None:
    texts = {EN: "tea", ZH: "茶"}
    assert pick(texts, [ZH, EN]) == "茶"
    assert pick(texts, [DE, EN]) == "tea"


def test_a_reader_of_none_of_the_languages_gets_any_rather_than_nothing() -> None:
    assert pick({ZH: "茶"}, [DE]) == "茶"
    assert pick({}, [DE]) == ""


@pytest.mark.parametrize("code", ["en", "de-AT", "zh-Hans", "zh-Hant-TW", "pt-BR"])
def test_language_tags_are_accepted(code: str) -> None:
    assert locale(code) == code


@pytest.mark.parametrize(
    "code", ["", "english", "xx", "en_US", "e", "zh-", "en-US-x", "\0", "en\n"]
)
def test_what_is_no_language_tag_is_refused(code: str) -> None:
    with pytest.raises(LocaleUnknown):
        locale(code)
