"""WeChat on this machine: its answers are those that were recorded, with people of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.rig.provider import Answer, Asked, Provider, serving

APP = "wx0123456789abcdef"
SECRET = "0123456789abcdef0123456789abcdef"
SESSION_KEY = "tiihtNczf5v6AKRyjwEUhQ=="


def recorded(name: str) -> dict[str, Any]:
    text = (Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


class FakeWeChat(Provider):
    """Knows codes, each good for one use. unionids: {code: unionid}, of programs that joined."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, str] = {}
        self.unionids: dict[str, str] = {}
        self.phones: dict[str, dict[str, Any]] = {}
        self.tokens: list[str] = []
        self.expires_in = 7_200
        # Instead of what was asked for, of any interface: {path: errcode}.
        self.errcodes: dict[str, int] = {}
        self._spent: set[str] = set()
        self.routes = {
            "/sns/jscode2session": self.session,
            "/cgi-bin/stable_token": self.access,
            "/wxa/business/getuserphonenumber": self.phone,
        }

    def give_phone(self, code: str, number: str, country: object = "86", app: str = APP) -> str:
        told = recorded("phone")["answer"]["phone_info"]
        own = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": country}
        self.phones[code] = {**told, **own, "watermark": {**told["watermark"], "appid": app}}
        return code

    def session(self, asked: Asked) -> Answer:
        query = asked.query
        if query.get("appid") != APP or query.get("secret") != SECRET:
            return self.refuse("stable_token_refused")
        code = query.get("js_code", "")
        if code in self._spent:
            return self.refuse("code2session_refused", 40163)
        if asked.path in self.errcodes or code not in self.people:
            return self.refuse("code2session_refused", self.errcodes.get(asked.path))
        self._spent.add(code)
        told = {"openid": self.people[code], "session_key": SESSION_KEY}
        joined = {"unionid": self.unionids[code]} if code in self.unionids else {}
        return Answer.of({**told, **joined})

    def access(self, asked: Asked) -> Answer:
        if asked.path in self.errcodes or asked.document.get("secret") != SECRET:
            return self.refuse("stable_token_refused", self.errcodes.get(asked.path))
        self.tokens.append(f"access-{len(self.tokens) + 1}")
        own = {"access_token": self.tokens[-1], "expires_in": self.expires_in}
        return Answer.of({**recorded("stable_token")["answer"], **own})

    def phone(self, asked: Asked) -> Answer:
        if [asked.query.get("access_token")] != self.tokens[-1:]:
            return self.refuse("phone_refused", 40001)
        told = self.phones.pop(asked.document["code"], None)
        if asked.path in self.errcodes or told is None:
            return self.refuse("phone_refused", self.errcodes.get(asked.path))
        return Answer.of({**recorded("phone")["answer"], "phone_info": told})

    @staticmethod
    def refuse(name: str, errcode: int | None = None) -> Answer:
        told = recorded(name)["answer"]
        return Answer.of(told if errcode is None else {**told, "errcode": errcode})


@asynccontextmanager
async def fake_wechat() -> AsyncIterator[FakeWeChat]:
    wechat = FakeWeChat()
    async with serving(wechat):
        yield wechat
