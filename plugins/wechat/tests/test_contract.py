"""What WeChat answers, held to what was recorded: the fake of these tests, and the real one.

The real one is asked where the environment has an account: WECHAT_CONTRACT_APPID and
WECHAT_CONTRACT_SECRET; with WECHAT_CONTRACT_JS_CODE and WECHAT_CONTRACT_PHONE_CODE, which a mini
program gives and which are good once within five minutes, also for what it says of people.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from plugins.wechat.tests.answering import APP, SECRET, fake_wechat, recorded
from tests.rig.provider import differences

from koipond_sdk.services.web import ask

GIVEN = {
    name: os.environ.get(f"WECHAT_CONTRACT_{name}", "")
    for name in ("APPID", "SECRET", "JS_CODE", "PHONE_CODE")
}
NO_ACCOUNT = "the real WeChat is not asked: set WECHAT_CONTRACT_APPID and WECHAT_CONTRACT_SECRET"


@dataclass
class Side:
    """WeChat as it is asked. js_code, phone_code: good once; none: empty."""

    url: str
    app_id: str
    secret: str
    js_code: str
    phone_code: str

    async def session(self, code: str) -> Any:
        query = {"appid": self.app_id, "secret": self.secret, "js_code": code}
        return await self.ask("code2session", query | {"grant_type": "authorization_code"}, None)

    async def access(self, secret: str) -> Any:
        order = {"grant_type": "client_credential", "appid": self.app_id, "secret": secret}
        return await self.ask("stable_token", {}, order)

    async def phone(self, code: str) -> Any:
        token = (await self.access(self.secret))["access_token"]
        return await self.ask("phone", {"access_token": token}, {"code": code})

    async def ask(self, name: str, query: dict[str, str], document: dict[str, str] | None) -> Any:
        """Ask as it was recorded, with just the fields that were."""
        told = recorded(name)
        request = told["request"]
        assert sorted(query) == sorted(request.get("query", []))
        assert sorted(document or {}) == sorted(request.get("document", []))
        body = None if document is None else json.dumps(document).encode()
        answer = await ask(self.url + request["path"], query=query or None, document=body)
        assert answer.status == told["status"]
        return json.loads(answer.body)


@pytest.fixture(params=["fake", "real"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "real":
        if not (GIVEN["APPID"] and GIVEN["SECRET"]):
            pytest.skip(NO_ACCOUNT)
        codes = (GIVEN["JS_CODE"], GIVEN["PHONE_CODE"])
        yield Side("https://api.weixin.qq.com", GIVEN["APPID"], GIVEN["SECRET"], *codes)
        return
    async with fake_wechat() as fake:
        fake.people = {"good": "oPerson"}
        fake.unionids = {"good": "uPerson"}
        fake.give_phone("good", "13800138000", 86)
        yield Side(fake.url, APP, SECRET, "good", "good")


class TestContract:
    async def test_a_wrong_code_is_refused_as_recorded(self, side: Side) -> None:
        told, answer = recorded("code2session_refused"), await side.session("never-given")
        assert differences(told, answer) == []
        assert answer["errcode"] == told["answer"]["errcode"]

    async def test_an_access_token_is_as_recorded(self, side: Side) -> None:
        answer = await side.access(side.secret)
        assert differences(recorded("stable_token"), answer) == []
        assert 0 < answer["expires_in"] <= 7_200

    async def test_a_wrong_secret_is_refused_as_recorded(self, side: Side) -> None:
        told, answer = recorded("stable_token_refused"), await side.access("f" * 32)
        assert differences(told, answer) == []
        assert answer["errcode"] == told["answer"]["errcode"]

    async def test_a_wrong_code_of_a_phone_is_refused_as_recorded(self, side: Side) -> None:
        told, answer = recorded("phone_refused"), await side.phone("never-given")
        assert differences(told, answer) == []
        assert answer["errcode"] == told["answer"]["errcode"]

    async def test_a_session_is_as_recorded(self, side: Side) -> None:
        if not side.js_code:
            pytest.skip("no person: set WECHAT_CONTRACT_JS_CODE")
        assert differences(recorded("code2session"), await side.session(side.js_code)) == []

    async def test_a_phone_number_is_as_recorded(self, side: Side) -> None:
        if not side.phone_code:
            pytest.skip("no phone number: set WECHAT_CONTRACT_PHONE_CODE")
        told, answer = recorded("phone"), await side.phone(side.phone_code)
        assert differences(told, answer) == []
        shape = told["answer"]["phone_info"] | {"countryCode": answer["phone_info"]["countryCode"]}
        # The country's code is documented as a text, and shown as a number.
        assert isinstance(answer["phone_info"]["countryCode"], str | int)
        one = {"needs": ["purePhoneNumber", "countryCode", "watermark"], "answer": shape}
        assert differences(one, answer["phone_info"]) == []
