"""Who opens the mini program is let in, and is the same person the next time."""

import logging
from typing import Any

import pytest
from plugins.wechat.tests.answering import APP, SECRET, SESSION_KEY, FakeWeChat, recorded
from sqlalchemy import text
from tests.rig.provider import Answer

from koipond_sdk.testing.shop import RunningShop
from koipond_wechat.rules import PROBLEMS

pytestmark = [pytest.mark.story, pytest.mark.one_database]

LOG_IN = """
mutation ($input: LogInWithProviderInput!) {
  logInWithProvider(input: $input) {
    isNew accessToken member { id phone } userErrors { code message }
  }
}
"""
DOWN = "WeChat does not answer as it should; try again in a minute"
SESSION = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"
PHONE = "/wxa/business/getuserphonenumber"


async def enter(shop: RunningShop, **data: str) -> dict[str, Any]:
    told = [{"key": key, "value": value} for key, value in data.items()]
    answer = await shop.graphql(LOG_IN, {"input": {"provider": "wechat", "data": told}})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["logInWithProvider"]
    return payload


async def refused(shop: RunningShop, **data: str) -> str:
    """Return the reason of a refusal that changed nothing and let nobody in."""
    before = await shop.snapshot()
    payload = await enter(shop, **data)
    assert await shop.snapshot() == before
    assert payload["accessToken"] is None
    (error,) = payload["userErrors"]
    assert error["code"] == "PROOF_REFUSED", error
    message: str = error["message"]
    return message.removeprefix("wechat does not say who this is: ").removesuffix(". Begin again.")


async def identities(shop: RunningShop) -> list[tuple[str, str]]:
    async with shop.shop.database.reading() as db:
        rows = await db.execute(text("SELECT kind, value FROM identity ORDER BY kind"))
        return [(kind, value) for kind, value in rows]


async def test_a_code_lets_in_whom_wechat_names(shop: RunningShop, wechat: FakeWeChat) -> None:
    wechat.people = {"first": "oPerson", "again": "oPerson", "other": "oOther"}
    first = await enter(shop, code="first")
    assert (first["userErrors"], first["isNew"]) == ([], True)
    assert await identities(shop) == [(f"openid:{APP}", "oPerson")]
    again = await enter(shop, code="again")
    assert (again["isNew"], again["member"]) == (False, first["member"])
    assert (await enter(shop, code="other"))["isNew"] is True


async def test_one_unionid_is_one_member(shop: RunningShop, wechat: FakeWeChat) -> None:
    wechat.people = {"first": "oPerson", "second": "oPerson-elsewhere"}
    wechat.unionids = {"first": "uPerson", "second": "uPerson"}
    first = await enter(shop, code="first")
    second = await enter(shop, code="second")
    assert second["member"] == first["member"]
    assert ("unionid", "uPerson") in await identities(shop)


@pytest.mark.parametrize(
    ("country", "number", "phone"),
    [
        ("86", "13800138000", "+8613800138000"),
        (86, "13800138000", "+8613800138000"),
        ("852", "51234567", "+85251234567"),
    ],
)
async def test_the_phone_number_is_proved(
    shop: RunningShop, wechat: FakeWeChat, country: object, number: str, phone: str
) -> None:
    wechat.people = {"code": "oPerson"}
    wechat.give_phone("of-the-button", number, country)
    done = await enter(shop, code="code", phone_code="of-the-button")
    assert (done["userErrors"], done["member"]["phone"]) == ([], phone)


async def test_the_access_token_is_kept_until_its_end(
    shop: RunningShop, wechat: FakeWeChat
) -> None:
    for number in range(4):
        wechat.people[f"code-{number}"] = "oPerson"
        wechat.give_phone(f"phone-{number}", "13800138000")
    for number in range(2):
        await enter(shop, code=f"code-{number}", phone_code=f"phone-{number}")
    assert wechat.tokens == ["access-1"]
    shop.clock.advance(seconds=7_140)
    await enter(shop, code="code-2", phone_code="phone-2")
    assert wechat.tokens == ["access-1", "access-2"]
    # Another process had a new one made.
    wechat.tokens.append("access-of-another")
    done = await enter(shop, code="code-3", phone_code="phone-3")
    assert done["userErrors"] == []
    assert wechat.tokens == ["access-1", "access-2", "access-of-another", "access-4"]


@pytest.mark.parametrize(
    ("errcode", "reason"),
    [
        (-1, "WeChat is busy; try again in a moment"),
        (40029, "the code is wrong or too old; get a new one"),
        (45011, "there were too many logins; try again in a minute"),
        (40226, "WeChat stops this login because the account is at risk; log in another way"),
        (40013, "WeChat does not know this shop (40013); tell the shop"),
        (40125, "WeChat does not know this shop (40125); tell the shop"),
        (99999, "WeChat refuses it (99999); try again"),
    ],
)
async def test_each_errcode_says_what_to_do(
    shop: RunningShop, wechat: FakeWeChat, errcode: int, reason: str
) -> None:
    wechat.people = {"code": "oPerson"}
    wechat.errcodes = {SESSION: errcode}
    assert await refused(shop, code="code") == reason
    wechat.errcodes = {PHONE: errcode}
    assert await refused(shop, code="code", phone_code="of-the-button") == reason


def test_each_documented_errcode_is_known() -> None:
    assert {int(code) for code in recorded("code2session_refused")["errcodes"]} <= set(PROBLEMS)


async def test_a_code_is_used_once(shop: RunningShop, wechat: FakeWeChat) -> None:
    wechat.people = {"code": "oPerson"}
    await enter(shop, code="code")
    assert await refused(shop, code="code") == "the code was used before; get a new one"
    wechat.people["new"] = "oPerson"
    wechat.give_phone("of-the-button", "13800138000")
    await enter(shop, code="new", phone_code="of-the-button")
    wechat.people["newer"] = "oPerson"
    reason = "the code is wrong or too old; get a new one"
    assert await refused(shop, code="newer", phone_code="of-the-button") == reason


async def test_a_number_of_another_mini_program_is_not_taken(
    shop: RunningShop, wechat: FakeWeChat
) -> None:
    wechat.people = {"code": "oPerson"}
    wechat.give_phone("of-the-button", "13800138000", app="wxffffffffffffffff")
    assert await refused(shop, code="code", phone_code="of-the-button") == (
        "the phone number is not of this mini program; get a new code for it"
    )


@pytest.mark.parametrize("number", ["", "138-0013", "13800138000;x", "+8613800138000"])
async def test_a_number_that_is_none_is_not_taken(
    shop: RunningShop, wechat: FakeWeChat, number: str
) -> None:
    wechat.people = {"code": "oPerson"}
    wechat.give_phone("of-the-button", number)
    assert await refused(shop, code="code", phone_code="of-the-button") == (
        "WeChat tells no phone number that can be dialled"
    )


@pytest.mark.parametrize("path", [SESSION, TOKEN, PHONE])
@pytest.mark.parametrize("harm", ["huge", "redirect", "nonsense", "list", "error"])
async def test_a_wechat_that_does_harm(
    shop: RunningShop, wechat: FakeWeChat, path: str, harm: str
) -> None:
    answers = {
        "huge": Answer(b" " * 10_000_000 + b"{}"),
        "redirect": Answer(b"", 302, {"Location": f"{wechat.url}/elsewhere"}),
        "nonsense": Answer(b"<html>"),
        "list": Answer(b"[]"),
        "error": Answer.of({}, 502),
    }
    wechat.people = {"code": "oPerson"}
    wechat.give_phone("of-the-button", "13800138000")
    wechat.routes[path] = lambda _: answers[harm]
    assert await refused(shop, code="code", phone_code="of-the-button") == DOWN
    assert "/elsewhere" not in wechat.paths()


@pytest.mark.slow
async def test_a_wechat_that_does_not_answer(shop: RunningShop, wechat: FakeWeChat) -> None:
    wechat.delay_s = 30.0
    assert await refused(shop, code="code") == DOWN


async def test_an_answer_without_an_openid_is_nobody(shop: RunningShop, wechat: FakeWeChat) -> None:
    wechat.routes[SESSION] = lambda _: Answer.of({"errcode": 0, "session_key": SESSION_KEY})
    assert await refused(shop, code="code") == "WeChat is busy; try again in a moment"


async def test_what_is_no_code_is_not_sent(shop: RunningShop, wechat: FakeWeChat) -> None:
    own = "`code` must be what `wx.login` gave"
    assert await refused(shop) == own
    assert await refused(shop, code="a&secret=b") == own
    assert await refused(shop, code="x" * 257) == own
    assert await refused(shop, code="ok", phone_code="{}") == (
        "`phone_code` must be what the button `getPhoneNumber` gave"
    )
    assert await refused(shop, code="ok", appid="wx1234") == (
        f"`appid` must be one of this shop's: {APP}"
    )
    assert wechat.asked == []


async def test_a_mini_program_without_a_secret_is_not_asked(
    shop: RunningShop, wechat: FakeWeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"WECHAT_SECRET_{APP.upper()}")
    assert await refused(shop, code="code") == (
        "the secret of this mini program is not set; tell the shop"
    )
    assert wechat.asked == []


async def test_no_secret_is_logged_or_stored(
    shop: RunningShop, wechat: FakeWeChat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wechat.people = {"code-of-a-person": "oPerson"}
    wechat.give_phone("of-the-button", "13800138000")
    await enter(shop, code="code-of-a-person", phone_code="of-the-button")
    stored = repr(await shop.snapshot())
    for secret in (SECRET, SESSION_KEY, "code-of-a-person", "of-the-button", "access-1"):
        assert secret not in caplog.text
        assert secret not in stored
