import pytest

from koipond.channel.service import add_channel
from koipond.graphql.scope import closest_locale
from koipond.kernel.texts import Locale
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.one_database

CHANNELS = "{ channels { code } }"
KNOWN = tuple(map(Locale, ["en-GB", "zh-Hans", "zh-Hant", "de", "pt"]))


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("fr, de;q=0.5", "de"),
        ("de;q=0.5, zh-Hant;q=0.6", "zh-Hant"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("en-US,en;q=0.9", "en-GB"),
        ("pt-BR", "pt"),
        ("de;q=0, pt", "pt"),
        ("fr", None),
        ("*", None),
        ("", None),
        ("de;q=x", None),
        (";;;,,=,\0", None),
        ("fr," * 10_000 + "de", None),
        # Its forms are as many as its parts; reading them all took 10 s for a header of 60 kB.
        ("de" + "-a" * 30_000, None),
        ("de" + "-a" * 30_000 + ", pt", "pt"),
    ],
)
def test_the_closest_language_is_chosen(accepted: str, chosen: str | None) -> None:
    assert closest_locale(accepted, KNOWN) == chosen


async def name_in(shop: RunningShop, **headers: str) -> str:
    """Return the product's name as a request with these headers reads it."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await shop.graphql("{ products(first: 1) { nodes { name } } }", headers=given)
    name: str = answer["data"]["products"]["nodes"][0]["name"]
    return name


async def test_a_request_reads_in_the_language_that_it_asks_for(shop: RunningShop) -> None:
    await shop.make_product("TEA-1", name="Green tea")
    await shop.make_product("TEA-1", name="绿茶", locale="zh-Hans", stock=0)
    assert await name_in(shop) == "Green tea"
    assert await name_in(shop, Koi_Locale="zh-Hans") == "绿茶"
    assert await name_in(shop, Accept_Language="zh-CN,zh;q=0.9,en;q=0.8") == "绿茶"
    assert await name_in(shop, Accept_Language="fr") == "Green tea"
    assert await name_in(shop, Koi_Locale="en", Accept_Language="zh-CN") == "Green tea"


@pytest.mark.parametrize(
    ("header", "value", "code", "known"),
    [
        ("Koi-Channel", "moon", "CHANNEL_UNKNOWN", "main"),
        ("Koi-Currency", "USD", "CURRENCY_NOT_SOLD", "EUR, CNY, JPY"),
        ("Koi-Currency", "", "CURRENCY_NOT_SOLD", "EUR, CNY, JPY"),
        ("Koi-Locale", "fr", "LOCALE_UNKNOWN", "en, zh-Hans"),
        ("Koi-Locale", "", "LOCALE_UNKNOWN", "en, zh-Hans"),
    ],
)
async def test_a_header_that_names_nothing_here_is_refused_with_what_there_is(
    shop: RunningShop, header: str, value: str, code: str, known: str
) -> None:
    response = await shop.http.post("/graphql", json={"query": CHANNELS}, headers={header: value})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["known"]) == (code, known)
    assert "data" not in response.json()


async def test_the_channel_costs_no_sql_for_five_seconds(shop: RunningShop) -> None:
    await shop.graphql("{ __typename }")
    with shop.count_statements() as sent:
        await shop.graphql("{ __typename }")
        shop.clock.advance(seconds=4.9)
        await shop.graphql("{ __typename }")
    assert sent == []
    shop.clock.advance(seconds=0.1)
    with shop.count_statements() as sent:
        await shop.graphql("{ __typename }")
    assert len(sent) == 1


async def test_a_new_channel_is_seen_within_five_seconds(shop: RunningShop) -> None:
    await shop.graphql("{ __typename }")
    async with shop.context() as ctx:
        await add_channel(ctx, code="moon", name="Moon", currencies=["CNY"], locales=["en"])
    shop.clock.advance(seconds=5)
    answer = await shop.graphql(CHANNELS, headers={"Koi-Channel": "moon"})
    assert answer == {"data": {"channels": [{"code": "main"}, {"code": "moon"}]}}


async def test_a_clock_that_was_set_back_keeps_nothing_for_ever(shop: RunningShop) -> None:
    await shop.graphql("{ __typename }")
    shop.clock.advance(days=-1)
    with shop.count_statements() as sent:
        await shop.graphql("{ __typename }")
    assert len(sent) == 1
